"""A user's own set as a table: a CSV or Parquet file whose rows name, or hold, the images."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_args

from imlbench.cards import DatasetCard
from imlbench.datasets.files import printable
from imlbench.datasets.hub import Wanted
from imlbench.datasets.named import BRIGHT, NamedDataset
from imlbench.errors import Reason, UserError, one_line
from imlbench.masks import MEAN, NONZERO, TRANSPARENT, WHITE, MaskRule
from imlbench.samples import Sample, Scope
from imlbench.sources import BrokenSource, FileSource, Source

if TYPE_CHECKING:
    from imlbench.datasets.shards import Shards

IMAGES = ("edited", "original", "mask")
COLUMNS = (*IMAGES, "instruction", "caption", "id", "scope", "mask_rule")
RULES = {
    "": BRIGHT,
    "white": WHITE,
    "nonzero": NONZERO,
    "mean": MEAN,
    "alpha": TRANSPARENT,
    "black": MaskRule("any", 127, inverted=True),
}
SCOPES = get_args(Scope)
BATCH_ROWS = 4096
MAGIC = b"PAR1"


class Manifest(NamedDataset):
    """Samples in the order of the rows. Paths are relative to the manifest's folder and must not leave it.

    The id is the column `id`, or else the path of the edited image. Columns that are not known become tags. In
    Parquet the columns edited, original and mask may hold the images themselves.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="manifest",
        title="manifest",
        version="1",
        summary="your own CSV or Parquet table of images, masks and texts",
        licence="yours",
        citation="none",
        mask_rule=f"white or any bright colour = edited ({BRIGHT}), unless the column mask_rule says otherwise",
        evaluation_only=False,
        layout=f"a .csv or .parquet file with the column edited, perhaps {', '.join(COLUMNS[1:])}, and tags",
    )
    root_may_be_file: ClassVar[bool] = True

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        if not os.path.isfile(self.root):
            raise UserError(f"manifest: {root} is not a file; expected {self.card.layout}")
        self._folder, name = os.path.split(self.root)
        self._shards: Shards | None = None
        self._held: list[str] = []
        table = self._read_parquet(name) if is_parquet(self.root) else self._read_csv(name)
        check_values(name, table, "scope", ("", *SCOPES))
        check_values(name, table, "mask_rule", tuple(RULES))
        self._table = with_ids(name, table, len(table) if self._shards is None else len(self._shards))
        self._tags = [column for column in self._table.column_names if column not in COLUMNS]

    def _read_csv(self, name: str) -> Any:
        """The rows of a CSV file: `pyarrow.Table` of strings."""
        from imlbench.datasets.csvtable import read_csv

        table = read_csv(self._folder, name)
        check_header(name, table.column_names)
        return table

    def _read_parquet(self, name: str) -> Any:
        """The rows of a Parquet file without its images: `pyarrow.Table` of strings."""
        from imlbench.datasets.shards import Shards, image_columns, read_schema

        schema = read_schema("manifest", self._folder, name)
        check_header(name, schema.names)
        images = image_columns(schema)
        self._held = [column for column in IMAGES if column in images]
        nullable = [column for column in self._held if column != "edited"]
        cheap = {column: "string" for column in schema.names if column not in images}
        self._shards = Shards("manifest", self._folder, [name], Wanted(cheap, self._held, nullable))
        table = self._shards.table
        return table.from_arrays([column.fill_null("") for column in table.columns], table.column_names)

    def __len__(self) -> int:
        return len(self._table)

    def samples(self) -> Iterator[Sample]:
        number = 0
        for batch in self._table.to_batches(max_chunksize=BATCH_ROWS):
            for fields in batch.to_pylist():
                yield self._sample(number, fields)
                number += 1

    def _sample(self, number: int, fields: dict[str, str]) -> Sample:
        """The sample of a row, from its text fields."""
        edited, original, mask = (self._source(column, number, fields) for column in IMAGES)
        name = printable(fields["id"])
        nothing = BrokenSource(name, Reason.MISSING_PARTNER, f"row {number + 1} of the manifest has no edited image")
        return Sample(
            id=name,
            edited=edited or nothing,
            original=original,
            mask=mask,
            mask_rule=RULES[fields.get("mask_rule", "")] if mask else None,
            instruction=fields.get("instruction") or None,
            caption=fields.get("caption") or None,
            tags={column: fields[column] for column in self._tags if fields[column]},
            scope=cast("Scope", fields.get("scope") or "local"),
        )

    def _source(self, column: str, number: int, fields: dict[str, str]) -> Source | None:
        """Where the image of a column is; None where the row has none."""
        if self._shards is not None and column in self._held:
            absent = column in self._shards.missing and self._shards.missing[column][number]
            return None if absent else self._shards.cell(number, column)
        path = fields.get(column)
        return FileSource(self._folder, path) if path else None


def is_parquet(path: str) -> bool:
    """Whether a file is meant as Parquet, by its suffix or its first bytes.

    Raises:
        UserError: it cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            return path.lower().endswith(".parquet") or file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise UserError(f"manifest: {os.path.basename(path)} cannot be read: {error.strerror}") from error


def check_header(name: str, header: Sequence[str]) -> None:
    """Refuse columns without a name, of one name, and what looks like a known column misspelt.

    Raises:
        UserError: with the name that was probably meant.
    """
    where = f"manifest: {name}"
    absent = [column for column in COLUMNS if column not in header]
    for number, column in enumerate(header):
        if not column:
            raise UserError(f"{where}: column {number + 1} has no name")
        if column in header[:number]:
            raise UserError(f"{where}: two columns are called {one_line(column, 80)!r}")
        # Without this, a misspelt mask column would pass for a tag, and every sample would lack its mask.
        near = [] if column in COLUMNS else difflib.get_close_matches(column.strip().lower(), absent, n=1, cutoff=0.8)
        if near:
            raise UserError(f"{where}: unknown column {one_line(column, 80)!r}: did you mean {near[0]!r}?")
    if "edited" in absent:
        found = one_line(", ".join(header), 200) or "none"
        raise UserError(f"{where} has no column 'edited'; columns found: {found}")


def check_values(name: str, table: Any, column: str, allowed: Sequence[str]) -> None:
    """Refuse a row whose value in a column is not one of those allowed.

    Raises:
        UserError: with the number of the row and the nearest value.
    """
    import pyarrow.compute as pc

    if column not in table.column_names:
        return
    for value in pc.unique(table.column(column)).to_pylist():
        if value not in allowed:
            row = pc.index(table.column(column), value).as_py() + 1
            near = difflib.get_close_matches(value.lower(), allowed, n=1, cutoff=0.5)
            known = ", ".join(filter(None, allowed))
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {known}, or nothing"
            raise UserError(f"manifest: {name}: row {row}: unknown {column} {one_line(value, 80)!r}: {hint}")


def with_ids(name: str, table: Any, rows: int) -> Any:
    """The table with the column `id`: the one it has, or the edited images' paths, or "row-<n>" for embedded images.

    Raises:
        UserError: no rows, or an id that is empty or comes twice.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not rows:
        raise UserError(f"manifest: {name} has no rows below its header")
    columns = {column: table.column(column) for column in table.column_names}
    source = next((column for column in ("id", "edited") if column in columns), "")
    if not source:
        width = len(str(rows))
        columns["id"] = pa.chunked_array([pa.array(f"row-{number:0{width}}" for number in range(1, rows + 1))])
        return pa.table(columns)
    ids = columns["id"] = columns[source]
    empty = pc.index(ids, "").as_py()
    if empty >= 0:
        raise UserError(f"manifest: {name}: row {empty + 1}: the column {source} is empty")
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        value = twice[0]["values"].as_py()
        first, second = pc.indices_nonzero(pc.equal(ids, value)).to_pylist()[:2]
        hint = "" if source == "id" else "; add a column id to tell them apart"
        found = f"the {source} {one_line(value, 80)!r} is in rows {first + 1} and {second + 1}"
        raise UserError(f"manifest: {name}: {found}{hint}")
    return pa.table(columns)
