"""Index of Parquet shards: their cheap columns as one table, their images as cells that are read later."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from imlbench.datasets.footers import null_counts
from imlbench.datasets.hub import Wanted
from imlbench.datasets.parquet import BATCH_ROWS, BROKEN, ParquetCell, RowGroups
from imlbench.errors import SampleError, UserError, one_line
from imlbench.sources import FileSource


class Index(NamedTuple):
    """What is known of one shard.

    Attributes:
        table: `pyarrow.Table` of the cheap columns.
        missing: by nullable column, N bool: True where there is no image.
        rows: number of rows of each row group.
    """

    table: Any
    missing: dict[str, NDArray[np.bool_]]
    rows: list[int]


class Shards:
    """All rows of some shards, numbered through in the order of the shards. Construction reads no image.

    Args:
        owner: the dataset's name, for messages.
        root: the dataset's root, absolute.
        names: paths of the shards relative to the root.
        wanted: what to read.

    Attributes:
        names: paths of the shards.
        table: `pyarrow.Table` of the cheap columns, a row per row of the shards.
        missing: by nullable column, N bool: True where there is no image.

    Raises:
        UserError: a shard is damaged, leads out of the root, lacks a column or has one of another type.
    """

    def __init__(self, owner: str, root: str, names: Iterable[str], wanted: Wanted) -> None:
        self.names = tuple(names)
        self._groups = RowGroups(root)
        # The first row of each row group, and of each shard: finding a row's cell is a bisection.
        self._starts: list[int] = []
        self._places: list[tuple[str, int]] = []
        self._firsts: list[int] = []
        self._length = 0
        indexes = [read_index(owner, root, name, wanted) for name in self.names]
        for name, index in zip(self.names, indexes, strict=True):
            self._place(name, index.rows)
        empty = pa.schema([(column, pa.type_for_alias(kind)) for column, kind in wanted.cheap.items()]).empty_table()
        self.table = pa.concat_tables([empty, *(index.table for index in indexes)])
        self.missing = {
            column: np.concatenate([np.zeros(0, np.bool_), *(index.missing[column] for index in indexes)])
            for column in wanted.nullable
        }

    def _place(self, name: str, rows: Iterable[int]) -> None:
        """Note where the row groups of a shard begin."""
        self._firsts.append(self._length)
        for group, count in enumerate(rows):
            self._starts.append(self._length)
            self._places.append((name, group))
            self._length += count

    def __len__(self) -> int:
        return self._length

    def cell(self, row: int, column: str) -> ParquetCell:
        """The image in a column of a row."""
        place = bisect.bisect_right(self._starts, row) - 1
        shard, group = self._places[place]
        return ParquetCell(self._groups, shard, group, row - self._starts[place], column)

    def rows(self) -> Iterator[tuple[str, range]]:
        """Each shard's name and the numbers of its rows."""
        ends = [*self._firsts[1:], self._length]
        for name, first, end in zip(self.names, self._firsts, ends, strict=True):
            yield name, range(first, end)

    def shard_of(self, row: int) -> str:
        """Path of the shard that holds a row."""
        return self._places[bisect.bisect_right(self._starts, row) - 1][0]

    def where(self, row: int) -> str:
        """A row's place in words: the shard and the row in it, from 0."""
        number = bisect.bisect_right(self._firsts, row) - 1
        return f"{one_line(self.names[number], 200)} row {row - self._firsts[number]}"


@contextmanager
def opened(owner: str, root: str, name: str) -> Iterator[Any]:
    """A shard as `pyarrow.parquet.ParquetFile`.

    Raises:
        UserError: it is damaged or leads out of the root; the message names it.
    """
    try:
        path = FileSource(root, name).path()
        # Not pre-buffered, or whole columns of images would lie in memory for the sake of a few nulls.
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            yield file
    except SampleError as error:
        raise UserError(f"{owner}: {error.message}") from error
    except (LookupError, *BROKEN) as error:
        # A footer and the schema that is stored beside it may name different columns.
        found = one_line(error, 200)
        message = f"{owner}: {one_line(name, 200)} cannot be read as Parquet ({found}); fetch the file again"
        raise UserError(message) from error


def read_schema(owner: str, root: str, name: str) -> Any:
    """The `pyarrow.Schema` of a shard.

    Raises:
        UserError: see `opened`.
    """
    with opened(owner, root, name) as file:
        return file.schema_arrow


def read_index(owner: str, root: str, name: str, wanted: Wanted) -> Index:
    """Read the cheap columns of a shard, and the nulls of its images.

    Raises:
        UserError: see `Shards`.
    """
    where = f"{owner}: {one_line(name, 200)}"
    with opened(owner, root, name) as file:
        check_columns(where, file.schema_arrow, wanted)
        table = file.read(columns=list(wanted.cheap)).select(list(wanted.cheap))
        table.validate(full=True)
        counts = null_counts(FileSource(root, name).path()) if wanted.nullable else []
        missing = {column: null_rows(file, counts, column) for column in wanted.nullable}
        rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    if wanted.cheap and len(table) != sum(rows):
        raise UserError(f"{where} holds {len(table)} rows, its footer says {sum(rows)}; fetch the file again")
    return Index(cast(where, table, wanted.cheap), missing, rows)


def cast(where: str, table: Any, types: Mapping[str, str]) -> Any:
    """The table with its columns brought to `types`.

    Raises:
        UserError: a column's values do not fit.
    """
    for number, (name, kind) in enumerate(types.items()):
        try:
            table = table.set_column(number, name, table.column(name).cast(pa.type_for_alias(kind)))
        except BROKEN as error:
            found = table.column(name).type
            raise UserError(f"{where}: the column {name} is {found}, expected {kind}") from error
    return table


def check_columns(where: str, schema: Any, wanted: Wanted) -> None:
    """Refuse a shard without the columns that are needed.

    Raises:
        UserError: a column is missing or holds no images.
    """
    absent = [name for name in (*wanted.cheap, *wanted.images) if schema.get_field_index(name) < 0]
    if absent:
        found = one_line(", ".join(schema.names), 200)
        raise UserError(f"{where} has no column {', '.join(absent)} (or two of that name); it has {found}")
    for name in wanted.images:
        kind = schema.field(name).type
        if not holds_images(kind):
            found = one_line(kind, 80)
            raise UserError(f"{where}: the column {name} is {found}, expected images: binary or struct<bytes, path>")


def holds_images(kind: Any) -> bool:
    """Whether an Arrow type is one of encoded images: binary, or a struct with binary `bytes`."""
    if pa.types.is_struct(kind):
        number = kind.get_field_index("bytes")
        return number >= 0 and holds_images(kind.field(number).type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def image_columns(schema: Any) -> list[str]:
    """Names of the columns of an Arrow schema that hold images."""
    return [field.name for field in schema if holds_images(field.type)]


def null_rows(file: Any, counts: Sequence[Mapping[str, int | None]], column: str) -> NDArray[np.bool_]:
    """Which rows of an image column hold no image: N bool. The counts are the footer's, by row group."""
    if len(counts) != file.num_row_groups:
        raise ValueError(f"the footer tells of {len(counts)} row groups, not of {file.num_row_groups}")
    groups = [null_rows_of_group(file, group, counts[group], column) for group in range(file.num_row_groups)]
    return np.concatenate([np.zeros(0, np.bool_), *groups])


def null_rows_of_group(file: Any, group: int, counts: Mapping[str, int | None], column: str) -> NDArray[np.bool_]:
    """Which rows of a row group hold no image: N bool, by the cheapest way that is certain.

    The footer counts the nulls of every column of a row group: where none or all are null, which is the rule
    in shards ordered by class, that is the answer. Where some are, the nulls of a struct are also seen in its
    `path`, which costs a few bytes a row; that answer is taken if it agrees with the footer's count (it does not
    where a struct is there and only its bytes are null). What remains is to read the images of this row group.
    """
    rows = file.metadata.row_group(group).num_rows
    nulls = counts.get(f"{column}.bytes", counts.get(column))
    if nulls is not None and nulls in (0, rows):
        return np.full(rows, nulls > 0)
    if nulls and f"{column}.path" in counts:
        values = file.read_row_group(group, columns=[f"{column}.path"]).column(column)
        found: NDArray[np.bool_] = values.is_null().to_numpy().astype(np.bool_)
        if found.sum() == nulls:
            return found
    batches = file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], columns=[column])
    return np.concatenate([np.zeros(0, np.bool_), *(null_images(batch.column(0)) for batch in batches)])


def null_images(values: Any) -> NDArray[np.bool_]:
    """Which cells of an array of images are null: N bool."""
    if pa.types.is_struct(values.type):
        # `flatten` also marks a field as null where the whole struct is.
        values = values.flatten()[values.type.get_field_index("bytes")]
    nulls: NDArray[np.bool_] = values.is_null().to_numpy(zero_copy_only=False)
    return nulls
