"""Rows read from Parquet, CSV or JSON that anybody may have written, a bounded number in memory."""

from __future__ import annotations

import base64
import binascii
import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line
from imlbench.results.json_arrays import LONGEST, objects
from imlbench.results.row_checks import shown
from imlbench.results.row_writing import ROWS_AT_ONCE, FileFormat, parquet_schema
from imlbench.results.rows import COLUMNS, FORMAT_VERSION, NAMES, NEW_COLUMNS, Column, Row, RowError

if TYPE_CHECKING:
    import pyarrow as pa

INTEGER = re.compile(r"-?[0-9]{1,19}")
REAL = re.compile(r"-?[0-9]+(\.[0-9]*)?(e[-+]?[0-9]{1,3})?", re.IGNORECASE)
DAMAGED = "the file is damaged or was cut off: export it anew"

Problem = Callable[[int, RowError], None]


def read_rows(path: Path, form: FileFormat, problem: Problem) -> Iterator[tuple[int, Row]]:
    """Rows of a file, numbered from 1, with the types of their columns; values are not looked at any further.

    Args:
        path: the file.
        form: its format.
        problem: told the number of each row that cannot be read as one; it is left out.

    Raises:
        UserError: the file cannot be read, was cut off, is of a newer format, or has other columns.
    """
    reading = {FileFormat.PARQUET: read_parquet, FileFormat.CSV: read_csv, FileFormat.JSON: objects}[form]
    total, version, number = None, FORMAT_VERSION, 0
    with reading_errors(path, form):
        for number, raw in enumerate(reading(path), start=1):
            if number == 1:
                version = 1 if str(raw.get("format_version")) == "1" else FORMAT_VERSION
                check_columns(path, raw, version)
            try:
                row = typed_row(raw, form, version)
                total = row["rows_in_file"] if total is None else total
                check_file_columns(row, total, version)
            except RowError as error:
                problem(number, error)
                continue
            yield number, row
    if number == 0 or total not in (None, number):
        expected = "at least one row" if total is None else f"{total} rows"
        raise UserError(f"{one_line(path)}: expected {expected}, found {number}: {DAMAGED}")


def names_in(version: int) -> list[str]:
    """The columns of a file of a version of the format."""
    return [name for name in NAMES if version > 1 or name not in NEW_COLUMNS]


def typed_row(raw: dict[str, Any], form: FileFormat, version: int = FORMAT_VERSION) -> Row:
    """A row's values with the types of their columns; columns that the file's version lacks are empty.

    Raises:
        RowError: a value does not fit, or the columns are others than those of the first row.
    """
    names = names_in(version)
    if raw.keys() != set(names):
        raise RowError("other columns than the first row")
    lacking = dict.fromkeys(name for name in NAMES if name not in names)
    if form == FileFormat.PARQUET:
        return {**raw, **lacking}
    convert = csv_value if form == FileFormat.CSV else json_value
    return {column.name: convert(column, raw[column.name]) for column in COLUMNS if column.name in raw} | lacking


def check_file_columns(row: Row, total: object, version: int = FORMAT_VERSION) -> None:
    """Check what a row says of its file.

    Raises:
        RowError: not what the rows before it say.
    """
    for name, expected in (("format_version", version), ("rows_in_file", total)):
        if row[name] != expected or not isinstance(expected, int):
            raise RowError(f"{name}: expected {expected if expected else 'a number'}, found {shown(row[name])}")


@contextmanager
def reading_errors(path: Path, form: FileFormat) -> Iterator[None]:
    """One line for what the system and the parsers say.

    Raises:
        UserError: the file cannot be read, or not as this format.
    """
    try:
        yield
    except OSError as error:
        # pyarrow's own errors may be of this class too, without a number.
        raise UserError(f"{one_line(path)}: cannot be read ({error.strerror or one_line(error)})") from error
    except RowError:
        raise
    except (ValueError, csv.Error, RecursionError) as error:
        raise UserError(f"{one_line(path)}: not readable as {form} ({one_line(error, 200)}): {DAMAGED}") from error


def check_columns(path: Path, first: dict[str, Any], known: int = FORMAT_VERSION) -> None:
    """Compare the file's columns with those of its version, by its first row.

    Raises:
        UserError: the file is of a newer format, or has other columns.
    """
    version = str(first.get("format_version"))
    if INTEGER.fullmatch(version) and int(version) > FORMAT_VERSION:
        message = f"written with exchange format {version}, this imlbench reads up to {FORMAT_VERSION}"
        raise UserError(f"{one_line(path)}: {message}: upgrade imlbench")
    names = names_in(known)
    unknown = [name for name in first if name not in names]
    missing = [name for name in names if name not in first]
    if unknown or missing:
        kind, names = ("unknown", unknown) if unknown else ("missing", missing)
        listed = ", ".join(one_line(name, 60) for name in names[:5]) + (", ..." if len(names) > 5 else "")
        advice = "expected the columns of `imlbench results export`"
        raise UserError(f"{one_line(path)}: {kind} columns: {listed}; {advice}")


def read_csv(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of text."""
    limit = csv.field_size_limit(LONGEST)
    try:
        # A spreadsheet may have put a byte order mark before the first name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if len(set(header)) != len(header):
                raise ValueError("two columns of one name")
            for fields in reader:
                if len(fields) != len(header):
                    raise ValueError(f"line {reader.line_num}: expected {len(header)} fields, found {len(fields)}")
                yield dict(zip(header, fields, strict=True))
    finally:
        csv.field_size_limit(limit)


def csv_value(column: Column, text: str) -> Any:
    """A value from its text."""
    if not text and (column.nullable or column.kind != "text"):
        return None
    if column.kind == "text":
        return text.removeprefix("'")
    if column.kind == "bytes":
        return from_base64(column, text)
    pattern, convert = (INTEGER, int) if column.kind == "integer" else (REAL, float)
    if not pattern.fullmatch(text):
        raise RowError(f"{column.name}: expected {column.kind}, found {shown(text)}")
    return convert(text)


def from_base64(column: Column, text: Any) -> bytes:
    """Bytes from base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise RowError(f"{column.name}: expected base64, found {shown(text)}") from error


def json_value(column: Column, value: Any) -> Any:
    """A value with its column's type, where JSON has none of its own for it."""
    if column.kind == "bytes" and value is not None:
        return from_base64(column, value)
    # JSON writers drop the ".0" of whole numbers.
    if column.kind == "real" and isinstance(value, int) and not isinstance(value, bool):
        return whole_number(column, value)
    return value


def whole_number(column: Column, value: int) -> float:
    """A whole number as float."""
    try:
        return float(value)
    except OverflowError as error:
        raise RowError(f"{column.name}: expected a finite number, found one of {value.bit_length()} bits") from error


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Rows with their types; strings and numbers of other widths are taken where nothing is lost."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=min(512, ROWS_AT_ONCE)):
                columns = {name: typed_values(name, batch.column(name)) for name in batch.schema.names}
                for values in zip(*columns.values(), strict=True):
                    yield dict(zip(columns, values, strict=True))
    except pa.ArrowException as error:
        # Some of pyarrow's errors are no ValueError.
        raise ValueError(one_line(error, 200)) from error


def typed_values(name: str, values: pa.Array) -> list[Any]:
    """A column's values, with the type it must have; an unknown column stays as it is, to be refused by name.

    Raises:
        ValueError: another kind of type.
    """
    import pyarrow as pa

    schema = parquet_schema()
    if name not in schema.names or values.type == (wanted := schema.field(name).type):
        return list(values.to_pylist())
    found = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    kinds = {
        pa.string(): pa.types.is_large_string(found) or pa.types.is_string(found),
        pa.int64(): pa.types.is_integer(found),
        pa.float64(): pa.types.is_floating(found),
        pa.binary(): pa.types.is_large_binary(found) or pa.types.is_binary(found),
    }
    if not (kinds[wanted] or pa.types.is_null(found)):
        raise ValueError(f"column {name}: expected {wanted}, found {found}")
    return list(values.cast(wanted).to_pylist())
