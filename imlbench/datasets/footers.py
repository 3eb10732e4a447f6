"""How many nulls the footer of a Parquet file counts, read by ourselves.

pyarrow ends the whole process when it is asked for the metadata of a column of a damaged footer. A footer is a struct
of Thrift's compact protocol (thrift.apache.org/docs, "compact protocol"; parquet.apache.org/docs/file-format/metadata):
fields as numbers and values, so that one can be read without knowing what all its fields mean.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

MAGIC = b"PAR1"
TAIL = 8
"""The length of the footer, 32 bits, and the magic number."""
MAX_DEPTH = 32
"""Structs and lists within one another; a file's own are ten deep."""

TRUE, FALSE, BYTE, SHORT, INT, LONG, DOUBLE, BINARY, LIST, SET, _MAP, STRUCT, UUID = range(1, 14)
"""Kinds of values; Parquet's footers hold no maps."""

ROW_GROUPS, COLUMNS, METADATA, PATH, STATISTICS, NULLS = 4, 1, 3, 3, 12, 3
"""Numbers of the fields on the way from the file to a column's count of nulls."""


def null_counts(path: Path | str) -> list[dict[str, int | None]]:
    """By row group, the number of nulls by column chunk ("mask.bytes" of "mask"), None where none is noted.

    Raises:
        ValueError: the footer is damaged.
        OSError: the file cannot be read.
    """
    fields = Reader(footer(path)).struct(0)
    try:
        groups = fields[ROW_GROUPS]
        return [dict(chunk_nulls(chunk[METADATA]) for chunk in group[COLUMNS] if METADATA in chunk) for group in groups]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError("the footer is not laid out as Parquet's is") from error


def chunk_nulls(fields: dict[int, Any]) -> tuple[str, int | None]:
    """Path and number of nulls from the metadata of a column chunk."""
    nulls = fields.get(STATISTICS, {}).get(NULLS)
    path = ".".join(name.decode(errors="replace") for name in fields[PATH])
    return path, nulls if isinstance(nulls, int) and nulls >= 0 else None


def footer(path: Path | str) -> bytes:
    """The bytes of a file's footer.

    Raises:
        ValueError: there is none.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - TAIL, 0))
        tail = file.read(TAIL)
        if len(tail) < TAIL or tail[4:] != MAGIC:
            raise ValueError("no Parquet footer at the end of the file")
        length = int.from_bytes(tail[:4], "little")
        if length > size - TAIL:
            raise ValueError("the footer is longer than the file")
        file.seek(size - TAIL - length)
        return file.read(length)


class Reader:
    """Values of Thrift's compact protocol: structs as dicts by field number, lists as lists.

    Args:
        data: a struct, whole.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def struct(self, depth: int) -> dict[int, Any]:
        """The fields of a struct.

        Raises:
            ValueError: it is damaged.
        """
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            # A field's number is told as what it lies above the last one's, if that is less than 16.
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            # A struct has its truths in the kind, a list has them in bytes.
            fields[number] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        """A value of a kind."""
        if kind in (SHORT, INT, LONG):
            return self._signed()
        if kind in (TRUE, FALSE, BYTE):
            return self._byte()
        if kind == BINARY:
            return self._bytes(self._number())
        if kind == DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == UUID:
            return self._bytes(16)
        if depth >= MAX_DEPTH:
            raise ValueError("the footer's structs lie too deep in one another")
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, SET):
            return self._list(depth + 1)
        raise ValueError(f"the footer has a value of the kind {kind}")

    def _list(self, depth: int) -> list[Any]:
        """The values of a list; each takes a byte at least, so that a lie about their number runs out of bytes."""
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._number()
        return [self._value(head & 15, depth) for _ in range(count)]

    def _byte(self) -> int:
        if self._place >= len(self._data):
            raise ValueError("the footer ends in the middle")
        self._place += 1
        return self._data[self._place - 1]

    def _bytes(self, length: int) -> bytes:
        if length > len(self._data) - self._place:
            raise ValueError("the footer ends in the middle")
        self._place += length
        return self._data[self._place - length : self._place]

    def _number(self) -> int:
        """An unsigned number of seven bits a byte, the lowest first."""
        found = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            found |= (byte & 127) << shift
            if byte < 128:
                return found
        raise ValueError("the footer has a number of more than 64 bits")

    def _signed(self) -> int:
        """A signed number: 0, -1, 1, -2, ... are told as 0, 1, 2, 3, ..."""
        found = self._number()
        return found >> 1 ^ -(found & 1)
