"""Rows written as Parquet, CSV or JSON, a bounded number in memory.

CSV: text that a spreadsheet would take for a formula, and text that begins with an apostrophe, gets an apostrophe
before it, which is taken off again on the way back. An empty field is an empty text or, in a column that may be
empty, nothing; an empty text in such a column is a lone apostrophe. Bytes are base64 in CSV and JSON.
JSON: an array of objects, one a line.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line
from imlbench.results.rows import COLUMNS, FORMAT_VERSION, NAMES, Column, Row
from imlbench.text_tables import neutral

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 2048
"""Rows in memory at once, and in a row group of Parquet: about 10 MiB."""


class FileFormat(StrEnum):
    """Formats of exported results."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


def file_format(path: Path, chosen: FileFormat | None = None) -> FileFormat:
    """The chosen format, else the file's.

    Raises:
        UserError: the file's suffix says nothing.
    """
    if chosen is not None:
        return chosen
    try:
        return FileFormat(path.suffix.lower().removeprefix("."))
    except ValueError:
        expected = ", ".join(f".{form}" for form in FileFormat)
        raise UserError(f"{one_line(path)}: expected a name ending in {expected}, or --format") from None


def write_rows(file: IO[bytes], form: FileFormat, rows: Iterable[Row], total: int) -> None:
    """Write rows to a binary file.

    Args:
        file: open for writing.
        form: the format.
        rows: stored columns; those that speak of the file are added.
        total: number of rows.
    """
    completed = ({"format_version": FORMAT_VERSION, **row, "rows_in_file": total} for row in rows)
    {FileFormat.PARQUET: write_parquet, FileFormat.CSV: write_csv, FileFormat.JSON: write_json}[form](file, completed)


def write_csv(file: IO[bytes], rows: Iterable[Row]) -> None:
    """UTF-8, fields quoted where needed."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    # With this line end both of its characters are quoted inside a field.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(NAMES)
    writer.writerows([csv_field(column, row[column.name]) for column in COLUMNS] for row in rows)
    text.detach()


def csv_field(column: Column, value: Any) -> Any:
    """A value as a field of CSV."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if not isinstance(value, str):
        return value
    marked = value.startswith("'") or (column.nullable and not value)
    return f"'{value}" if marked else neutral(value)


def write_json(file: IO[bytes], rows: Iterable[Row]) -> None:
    """An array of objects, UTF-8, one object a line."""
    separator = b"[\n"
    for row in rows:
        plain = {name: json_value(row[name]) for name in NAMES}
        file.write(separator + json.dumps(plain, ensure_ascii=False, allow_nan=False).encode())
        separator = b",\n"
    file.write(b"\n]\n")


def json_value(value: Any) -> Any:
    """A value as JSON can hold it."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def write_parquet(file: IO[bytes], rows: Iterable[Row]) -> None:
    """One row group per `ROWS_AT_ONCE` rows, compressed with Zstandard."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = parquet_schema()
    iterator = iter(rows)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while block := list(islice(iterator, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(block, schema))


def parquet_schema() -> pa.Schema:
    """The columns' types as Parquet has them."""
    import pyarrow as pa

    types = {"text": pa.string(), "integer": pa.int64(), "real": pa.float64(), "bytes": pa.binary()}
    return pa.schema([pa.field(column.name, types[column.kind]) for column in COLUMNS])
