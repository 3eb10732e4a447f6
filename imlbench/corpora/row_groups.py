"""The rows of a Parquet file as a stream: values as they are asked for, damage where it is.

Each column is read by a reader of its own, page by page: a damaged column breaks neither its neighbours nor the rows
before the damage, and memory is bounded by a page and a batch of each column, at worst by one row group.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.datasets.parquet import BATCH_ROWS, BROKEN
from imlbench.errors import Reason, SampleError, one_line
from imlbench.sources import FileSource

PAGE_BUFFER = 1 << 20
"""Bytes read from the disk at once. Without a buffer a whole column of a row group would be: gigabytes of images."""
BATCH_BYTES = 1 << 26
"""Batches are cut so that they hold some 64 MiB, and at least one row."""
ROWS_PER_BYTE = 1000
"""A footer that promises more rows than this for each byte of its file lies: rows that hold images take more."""


def open_shard(root: str, name: str) -> Any:
    """A shard as `pyarrow.parquet.ParquetFile`.

    Args:
        root: the corpus' root, absolute.
        name: path of the shard relative to the root.

    Raises:
        SampleError: it is missing, no Parquet, leads out of the root, or contradicts itself.
    """
    shown = one_line(name, 200)
    path = FileSource(root, name).path()
    try:
        # Not pre-buffered, or whole columns of a row group would lie in memory before the first row does.
        file = pq.ParquetFile(path, page_checksum_verification=True, buffer_size=PAGE_BUFFER, pre_buffer=False)
    except FileNotFoundError:
        raise SampleError(Reason.MISSING_FILE, f"{shown}: no such file") from None
    except BROKEN as error:
        raise SampleError(Reason.UNREADABLE, f"{shown} cannot be read as Parquet ({error})") from None
    metadata = file.metadata
    rows = sum(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
    if rows != metadata.num_rows or rows > os.path.getsize(path) * ROWS_PER_BYTE:
        file.close()
        raise SampleError(Reason.UNREADABLE, f"{shown}: the footer contradicts itself: {metadata.num_rows} rows")
    return file


def read_rows(file: Any, name: str, columns: tuple[str, ...], start: int, stop: int) -> Iterator[dict[str, Any]]:
    """Rows `start` to `stop` of a file, as they are asked for.

    Args:
        file: `pyarrow.parquet.ParquetFile`, opened with a buffer.
        name: the file's, for messages.
        columns: names of the columns to read.
        start: first row, from 0.
        stop: row after the last one; at most the file's number of rows.

    Yields:
        For each row the value of each column as a Python object, or the `SampleError` that says why there is none.
        Encoded images are `bytes`, or `dict` where the column is a struct.
    """
    first = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        begin, end = max(start - first, 0), min(stop - first, rows)
        if begin < end:
            where = f"{name}: row group {group}"
            streams = [column_values(file, group, column, where, begin, end) for column in columns]
            for values in zip(*streams, strict=True):
                yield dict(zip(columns, values, strict=True))
        first += rows
        if first >= stop:
            return


def column_values(file: Any, group: int, column: str, where: str, begin: int, end: int) -> Iterator[Any]:
    """Rows `begin` to `end` of one column of a row group; from a damaged batch on, why they cannot be read.

    Batches begin at the row group's first row whatever `begin` is, so that the same rows are lost to the damage.
    """
    seen, done = 0, begin
    try:
        for batch in batches(file, group, column):
            for number in range(done - seen, min(end - seen, len(batch))):
                yield python_value(batch[number], where)
                done += 1
            seen += len(batch)
            if seen >= end:
                return
        message = f"{where}, column {column}: ends after {seen} rows, the footer promises more"
    except (LookupError, *BROKEN) as error:
        message = f"{where}, column {column} cannot be read: {one_line(error, 200)}"
    for _ in range(done, end):
        yield SampleError(Reason.UNREADABLE, message)


def batches(file: Any, group: int, column: str) -> Iterator[Any]:
    """The arrays of a column of a row group, each of some 64 MiB at most."""
    metadata = file.metadata.row_group(group)
    # The row group's own number: asking for those of its columns aborts the process where a footer is damaged.
    size = max(metadata.total_byte_size, 1)
    rows = min(max(BATCH_BYTES * metadata.num_rows // size, 1), BATCH_ROWS)
    for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=[column], use_threads=False):
        yield batch.column(column)


def python_value(scalar: Any, where: str) -> Any:
    """The Python object of an Arrow scalar, or the `SampleError` that says why it has none."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return lenient_value(scalar)
    except BROKEN as error:
        return SampleError(Reason.UNREADABLE, f"{where}: {one_line(error, 200)}")


def lenient_value(scalar: Any) -> Any:
    """The Python object of a scalar whose text is no UTF-8: what can be read of it."""
    if isinstance(scalar, pa.StructScalar):
        return {name: lenient_value(value) for name, value in scalar.items()}
    if isinstance(scalar, pa.ListScalar | pa.LargeListScalar):
        return [lenient_value(value) for value in scalar.values or ()]
    if isinstance(scalar, pa.StringScalar | pa.LargeStringScalar) and scalar.is_valid:
        return scalar.as_buffer().to_pybytes().decode(errors="replace")
    return scalar.as_py()
