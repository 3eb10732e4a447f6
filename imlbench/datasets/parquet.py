"""Images inside Parquet shards, read one row group at a time.

The cell of one image cannot be read alone: Parquet compresses a column by row group. A row group is therefore
read once, kept for the neighbouring samples, and forgotten when others are needed, so that memory does not grow
with the number of shards.
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.errors import Reason, SampleError, one_line
from imlbench.sources import MAX_FILE_BYTES, FileSource

MAX_GROUPS = 8
"""Row groups kept: two neighbours in each of the shards that one pair may need, and as much again for stragglers."""
MAX_BYTES = 1 << 30
"""Row groups beyond the two last used are forgotten above 1 GiB; MagicBrush's take some 0.3 GB each."""
MIN_GROUPS = 2
MAX_CHUNK_BYTES = 1 << 33
"""Row groups that would unpack to more than 8 GiB are refused before they are read."""
BATCH_ROWS = 64
"""Rows unpacked at once, few enough that a batch of images stays below Arrow's 2 GiB for one array."""

BROKEN = (OSError, ValueError, MemoryError, pa.ArrowException)
"""What pyarrow raises on damaged files."""


class RowGroups:
    """Columns of the row groups last used, shared by all cells of a dataset and safe to use from many threads.

    Each column of a row group is read by the first thread that asks for it; the others wait for that reading.
    A failure is kept like a success, so that a damaged row group is not unpacked again for each of its samples.

    Args:
        root: the dataset's root, absolute.
        max_groups: row groups kept at most.
        max_bytes: bytes kept at most, unless two row groups alone take more.
    """

    def __init__(self, root: str, max_groups: int = MAX_GROUPS, max_bytes: int = MAX_BYTES) -> None:
        self.root = root
        self.max_groups = max_groups
        self.max_bytes = max_bytes
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, int], dict[str, Future[Any]]] = OrderedDict()

    def __len__(self) -> int:
        """Number of row groups kept."""
        return len(self._kept)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process reads for itself: locks and row groups do not travel.
        return RowGroups, (self.root, self.max_groups, self.max_bytes)

    def column(self, shard: str, group: int, column: str) -> Any:
        """One column of a row group as `pyarrow.ChunkedArray`.

        Raises:
            SampleError: the shard or the row group cannot be read.
        """
        with self._lock:
            columns = self._kept.setdefault((shard, group), {})
            self._kept.move_to_end((shard, group))
            future = columns.get(column)
            mine = future is None
            if future is None:
                future = columns[column] = Future()
                self._forget()
        if mine:
            self._fill(future, shard, group, column)
        found = future.result()
        if isinstance(found, SampleError):
            # A fresh error for each sample: one instance raised by several threads would mix their tracebacks.
            raise SampleError(found.reason, found.message)
        return found

    def _fill(self, future: Future[Any], shard: str, group: int, column: str) -> None:
        """Read a column for all that wait for it."""
        try:
            future.set_result(read_column(self.root, shard, group, column))
        except SampleError as error:
            future.set_result(error)
        except BaseException as error:
            # Ctrl-C included: who waits must not wait for ever.
            future.set_exception(error)
            raise
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        """Drop the row groups longest unused, until the rest is within the bounds. The lock must be held."""
        sizes = [sum(map(bytes_of, columns.values())) for columns in self._kept.values()]
        total = sum(sizes)
        for size in sizes[:-MIN_GROUPS]:
            if len(self._kept) <= self.max_groups and total <= self.max_bytes:
                return
            self._kept.popitem(last=False)
            total -= size


def bytes_of(future: Future[Any]) -> int:
    """Bytes of a column that has been read; 0 while it is being read or where it failed."""
    if not future.done() or future.exception() is not None:
        return 0
    return int(getattr(future.result(), "nbytes", 0))


def read_column(root: str, shard: str, group: int, column: str) -> Any:
    """One column of one row group, unpacked: `pyarrow.ChunkedArray`.

    Raises:
        SampleError: unreadable, changed since it was indexed, or too large.
    """
    path = FileSource(root, shard).path()
    where = f"{shard}: row group {group}, column {column}"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            # The row group's own number: asking for a column's ends the process where the footer is damaged.
            size = file.metadata.row_group(group).total_byte_size
            if size > MAX_CHUNK_BYTES:
                raise SampleError(Reason.TOO_LARGE, f"{where}: unpacks to {size} bytes, limit {MAX_CHUNK_BYTES}")
            # By batches: Arrow cannot hold more than 2 GiB of nested binary data in one array.
            batches = file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], columns=[column])
            return pa.chunked_array([batch.column(0) for batch in batches])
    except FileNotFoundError:
        raise SampleError(Reason.MISSING_FILE, f"{shard}: no such file") from None
    except (IndexError, *BROKEN) as error:
        raise SampleError(Reason.UNREADABLE, f"{where} cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class ParquetCell:
    """One image in a shard: a plain binary cell, or a struct of `bytes` and `path` as Hugging Face writes it.

    Attributes:
        groups: reads and keeps the row groups.
        shard: path of the shard relative to the root.
        group: number of the row group in the shard, from 0.
        row: number of the row in the row group, from 0.
        column: the column's name.
    """

    groups: RowGroups = field(repr=False, compare=False)
    shard: str
    group: int
    row: int
    column: str

    @property
    def name(self) -> str:
        return f"{self.shard}[row group {self.group}, row {self.row}].{self.column}"

    def read(self) -> bytes:
        values = self.groups.column(self.shard, self.group, self.column)
        if self.row >= len(values):
            raise SampleError(Reason.UNREADABLE, f"{self.name}: the row group ends before this row")
        value: Any = values[self.row].as_py()
        value, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        if value is None:
            found = f"only the path {one_line(path, 80)!r}, whose file is not in the shard" if path else "a null"
            raise SampleError(Reason.MISSING_PARTNER, f"{self.name}: an image expected, found {found}")
        if len(value) > MAX_FILE_BYTES:
            raise SampleError(Reason.TOO_LARGE, f"{self.name}: {len(value)} bytes, limit {MAX_FILE_BYTES}")
        return bytes(value)

    def signature(self) -> str:
        shard = FileSource(self.groups.root, self.shard).signature()
        return f"{shard}:{self.group}:{self.row}" if shard else ""
