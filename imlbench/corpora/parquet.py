"""Any Parquet files that hold two images a row: columns named by option, or found by their common names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

from imlbench.corpora.base import CorpusCard
from imlbench.corpora.cells import first_text
from imlbench.corpora.omniedit import first_prompt
from imlbench.corpora.roles import COMMON_NAMES, IMAGES, TEXTS, Role, common_name, read_options
from imlbench.corpora.tables import Layout, TableCorpus, Texts
from imlbench.datasets.hub import Wanted
from imlbench.errors import UserError, one_line


class AnyParquet(TableCorpus):
    """All Parquet files below the root, whatever their splits.

    Columns are named after the corpus' name, "parquet:original=src,edited=tgt,instruction=text,type=kind"; those that
    are not named are looked for by common names. Of several columns of images with a common name none is guessed.
    """

    card: ClassVar[CorpusCard] = CorpusCard(
        name="parquet",
        title="Parquet",
        version="1",
        summary="any Parquet files with an original and an edited image a row; parquet:original=COLUMN,edited=COLUMN",
        licence="yours",
        citation="none",
        layout="Parquet files with two columns of images, a row a pair",
    )

    def __init__(self, root: Path | str, variant: str = "") -> None:
        self._named = read_options(self.card.name, variant)
        super().__init__(root, variant)

    def _checked_variant(self, variant: str) -> str:
        return variant

    def _belongs(self, path: str) -> bool:
        return True

    def layout(self, schema: Any, where: str) -> Layout:
        from imlbench.datasets.shards import check_columns, image_columns

        images = image_columns(schema)
        original, edited = (self._named.get(role) or sole_name(role, images, schema.names, where) for role in IMAGES)
        named = [name for role, name in self._named.items() if role not in IMAGES]
        check_columns(where, schema, Wanted(dict.fromkeys(named, "string"), (original, edited)))
        texts = (self._column(role, set(schema.names) - set(images)) for role in TEXTS)
        return Layout(original, edited, tuple(dict.fromkeys(name for name in texts if name is not None)))

    def _column(self, role: Role, there: Collection[str]) -> str | None:
        """The column of a role: the named one, or the likeliest of those that are there."""
        return self._named.get(role) or common_name(role, there)

    def texts(self, values: Mapping[str, Any], path: str) -> Texts:
        def text(role: Role) -> str | None:
            column = self._column(role, values)
            return None if column is None else first_text(values, column)

        column = self._column("instruction", values)
        return Texts(
            source_id=text("id") or "",
            source_type=text("type") or "",
            instruction=None if column is None else first_prompt(values[column]),
            caption=text("caption"),
        )


def sole_name(role: Role, images: Collection[str], columns: Collection[str], where: str) -> str:
    """The one column of images with a common name of a role.

    Raises:
        UserError: there is none, or there are several.
    """
    found = [name for name in COMMON_NAMES[role] if name in images]
    if len(found) == 1:
        return found[0]
    several = f"{len(found)} columns may be the {role} image ({', '.join(found)})" if found else ""
    problem = several or f"no column of images with a common name for the {role} image; it has {', '.join(columns)}"
    raise UserError(f"{where}: {one_line(problem, 250)}; name it: parquet:original=COLUMN,edited=COLUMN")
