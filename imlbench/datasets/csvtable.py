"""CSV files of any length as Arrow tables of text: a million rows in Python's own lists would take gigabytes."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from imlbench.errors import UserError, one_line

BATCH_ROWS = 16_384


def read_csv(folder: str, name: str) -> Any:
    """A CSV file in UTF-8, with or without byte-order mark, as `pyarrow.Table` of stripped strings.

    The first line names the columns. Rows are counted from 1 below it; empty lines are passed over.

    Raises:
        UserError: unreadable, not UTF-8, not CSV, or a row with too few or too many fields.
    """
    try:
        with open(os.path.join(folder, name), encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [column.strip() for column in next(reader, [])]
            batches = list(read_batches(reader, header, name))
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: not UTF-8 ({one_line(error, 120)}); save it as UTF-8") from error
    except OSError as error:
        raise UserError(f"{name}: cannot be read: {error.strerror}") from error
    schema = pa.schema([(column, pa.string()) for column in header])
    return pa.Table.from_batches(batches, schema)


def read_batches(reader: Any, header: list[str], name: str) -> Iterator[Any]:
    """The rows of a `csv.reader` as `pyarrow.RecordBatch`es.

    Raises:
        UserError: a row is broken, or does not fit the header.
    """
    rows: list[list[str]] = []
    for row in checked_rows(reader, len(header), name):
        rows.append(row)
        if len(rows) == BATCH_ROWS:
            yield to_batch(rows, header)
            rows = []
    if rows:
        yield to_batch(rows, header)


def checked_rows(reader: Any, width: int, name: str) -> Iterator[list[str]]:
    """The rows that are not empty, each with `width` fields."""
    number = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(f"{name}: row {number + 1} (line {reader.line_num}) is not CSV: {error}") from error
        if not row:
            continue
        number += 1
        if len(row) != width:
            hint = "a text with a comma needs quotes" if len(row) > width else "an empty field needs its comma"
            found = f"row {number} (line {reader.line_num}) has {len(row)} fields, the header {width}"
            raise UserError(f"{name}: {found}; {hint}")
        yield [field.strip() for field in row]


def to_batch(rows: list[list[str]], header: list[str]) -> Any:
    """Rows of texts as `pyarrow.RecordBatch`."""
    return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], header)
