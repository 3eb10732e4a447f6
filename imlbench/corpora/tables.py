"""Corpora in Parquet shards: what the published ones have in common, streamed by row group.

pyarrow is imported where a shard is opened: listing the corpora needs none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from imlbench.corpora.base import Corpus, CorpusPair, Part
from imlbench.corpora.cells import broken_pair, image_source
from imlbench.corpora.finding import broken_part, file_part, find_files, named
from imlbench.corpora.vocabulary import edit_type
from imlbench.datasets.hub import Wanted, split_of
from imlbench.errors import Reason, SampleError, UserError, one_line

FOOTER_THREADS = 8
"""Footers are read side by side: there are thousands of them, and each is a wait for the disk or the network."""


class Layout(NamedTuple):
    """Columns of a shard: those of the two images, and the others to be read."""

    original: str
    edited: str
    texts: tuple[str, ...]


class Texts(NamedTuple):
    """What the other columns say of a row: see `CorpusPair`; the edit type follows from the source's where None."""

    source_id: str = ""
    source_type: str = ""
    instruction: str | None = None
    caption: str | None = None
    edit_type: str | None = None


class TableCorpus(Corpus):
    """A corpus whose parts are the Parquet files below the root; rows are numbered through within a file.

    A shard belongs to the variant that its name tells ("data/dev-00000-of-00004.parquet"); one that tells none
    belongs to the default variant. Numbers that are missing in the names of shards are no error.
    """

    original: ClassVar[str] = ""
    edited: ClassVar[str] = ""
    needed: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, root: Path | str, variant: str = "") -> None:
        super().__init__(root, variant)
        self._paths = named(self._shards())

    def _shards(self) -> list[str]:
        """Paths of the variant's shards relative to the root, sorted."""
        found = find_files(self.root, self.card, ".parquet")
        own = [path for path in found if self._belongs(path)]
        if not own:
            splits = ", ".join(sorted({split_of(path, self.card.variants) for path in found}))
            expected = f"expected shards of the split {self.variant}, found those of {splits}"
            raise UserError(f"{self.card.name}: {expected}; for these say {self.card.name}:SPLIT")
        return own

    def _belongs(self, path: str) -> bool:
        """Whether a shard is of this variant."""
        return (split_of(path, self.card.variants) or self.card.default_variant) == self.variant

    def parts(self) -> list[Part]:
        with ThreadPoolExecutor(FOOTER_THREADS) as threads:
            return list(threads.map(self._part, self._paths))

    def _part(self, name: str) -> Part:
        """The part of that name, a broken one where the whole file is of no use."""
        from imlbench.corpora.row_groups import open_shard

        path = self._paths[name]
        try:
            with open_shard(self.root, path) as file:
                self.layout(file.schema_arrow, self._where(path))
                return file_part(self.root, self.card, name, path, file.metadata.num_rows)
        except SampleError as error:
            why = f"{self.card.name}: {error.message}; fetch the file again or take it away"
        except UserError as error:
            why = str(error)
        return broken_part(self.root, name, path, why)

    def _where(self, path: str) -> str:
        return f"{self.card.name}: {one_line(path, 200)}"

    def layout(self, schema: Any, where: str) -> Layout:
        """The columns to read of a shard with that `pyarrow.Schema`.

        Raises:
            UserError: one is missing or holds no images; the message begins with `where`.
        """
        from imlbench.datasets.shards import check_columns

        check_columns(where, schema, Wanted(dict.fromkeys(self.needed, "string"), (self.original, self.edited)))
        there = tuple(name for name in self.optional if schema.get_field_index(name) >= 0)
        return Layout(self.original, self.edited, self.needed + there)

    @abstractmethod
    def texts(self, values: Mapping[str, Any], path: str) -> Texts:
        """What the columns beside the images say of a row; `path` is the shard's."""

    def pairs(self, part: Part, start: int = 0, stop: int | None = None) -> Iterator[CorpusPair]:
        if part.name not in self._paths:
            raise UserError(f"{self.card.name}: no such file below {self.root}: {one_line(part.name, 200)}")
        return self._stream(part, self._paths[part.name], start, stop)

    def _stream(self, part: Part, path: str, start: int, stop: int | None) -> Iterator[CorpusPair]:
        from imlbench.corpora.row_groups import open_shard, read_rows

        end = part.rows if stop is None or part.rows is None else min(stop, part.rows)
        try:
            with open_shard(self.root, path) as file:
                layout = self.layout(file.schema_arrow, self._where(path))
                there = file.metadata.num_rows if stop is None else min(stop, file.metadata.num_rows)
                end = there if end is None else end
                columns = (layout.original, layout.edited, *layout.texts)
                rows = read_rows(file, one_line(path, 200), columns, start, min(end, there))
                for row, values in enumerate(rows, start):
                    yield self._pair(f"{part.name}#{row}", path, layout, values)
                    start = row + 1
            broken = SampleError(Reason.UNREADABLE, f"{one_line(path, 200)}: has fewer rows than when it was listed")
        except SampleError as error:
            broken = error
        except UserError as error:
            broken = SampleError(Reason.UNREADABLE, str(error))
        if end is None:
            raise UserError(f"{self.card.name}: {broken.message}; fetch the file again or take it away")
        # The file was whole when it was listed: each of its rows is on record as one that could not be read.
        for row in range(start, end):
            yield broken_pair(f"{part.name}#{row}", broken)

    def _pair(self, name: str, path: str, layout: Layout, values: Mapping[str, Any]) -> CorpusPair:
        """The pair of a row; where a text cannot be read, nor can the pair, lest it be taken for one without text."""
        lost = next((values[column] for column in layout.texts if isinstance(values[column], SampleError)), None)
        original, edited = (
            image_source(f"{name}.{column}", values[column] if lost is None else lost)
            for column in (layout.original, layout.edited)
        )
        texts = self.texts({column: values[column] for column in layout.texts}, path)
        word = edit_type(texts.source_type) if texts.edit_type is None else texts.edit_type
        return CorpusPair(
            name, texts.source_id, texts.source_type, word, texts.instruction, original, edited, texts.caption
        )
