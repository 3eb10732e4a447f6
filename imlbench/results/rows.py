"""Results as rows, one per run and sample: what is exported, imported and merged.

A row holds everything that the results file knows of one run on one sample: the run with its identity and card, the
invocation with its provenance, the sample's facts, and the counts. Runs without a sample, and facts of contents that
no run refers to any more, have no row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader

FORMAT_VERSION = 2
"""Changes whenever an older reader would misread or refuse a file. Files of version 1 lack `NEW_COLUMNS`."""
NEW_COLUMNS = ("image_score",)

Row = dict[str, Any]
"""A value for every column: str, int, float, bytes or None."""


class RowError(ValueError):
    """A row that is refused; the message says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the exchange formats.

    Attributes:
        name: its name.
        kind: text, integer (64 bits), real or bytes.
        table: of the results file; empty where it speaks of the exchanged file itself.
        nullable: whether it may be empty.
    """

    name: str
    kind: Literal["text", "integer", "real", "bytes"]
    table: str
    nullable: bool = False


def columns(table: str, kind: Literal["text", "integer", "real", "bytes"], *names: str) -> list[Column]:
    """Columns of one kind; a name that ends in "?" may be empty."""
    return [Column(name.rstrip("?"), kind, table, name.endswith("?")) for name in names]


COLUMNS: tuple[Column, ...] = (
    *columns("", "integer", "format_version"),
    *columns("runs", "text", "run_id", "kind", "adapter", "adapter_title", "dataset", "dataset_title", "paper_dataset"),
    *columns("runs", "text", "perturbation"),
    *columns("runs", "real", "severity?"),
    *columns("runs", "text", "target"),
    *columns("runs", "real", "threshold"),
    *columns("runs", "integer", "soft"),
    *columns("runs", "text", "identity", "card", "created"),
    *columns("invocations", "integer", "invocation_id"),
    *columns("invocations", "text", "started", "finished?", "provenance"),
    *columns("samples", "text", "sample_id", "content"),
    *columns("samples", "integer", "width?", "height?", "edited_pixels?", "outside_difference?"),
    *columns("samples", "text", "scope", "instruction?", "tags", "notes", "files"),
    *columns("counts", "text", "signature", "status", "reason", "message"),
    *columns("counts", "real", "seconds?"),
    *columns("counts", "integer", "tp?", "fp?", "fn?", "tn?"),
    *columns("counts", "bytes", "histogram?"),
    *columns("counts", "integer", "boundary_tolerance?", "boundary_predicted?", "boundary_predicted_matched?"),
    *columns("counts", "integer", "boundary_true?", "boundary_true_matched?"),
    *columns("counts", "real", "image_score?"),
    # The last one, so that a file that was cut off cannot pass for a whole one.
    *columns("", "integer", "rows_in_file"),
)
NAMES = tuple(column.name for column in COLUMNS)
STORED = tuple(column for column in COLUMNS if column.table)


def names_of(table: str) -> tuple[str, ...]:
    """Names of the columns that go into a table of the results file."""
    return tuple(column.name for column in COLUMNS if column.table == table)


def count_rows(reader: ResultReader, run_ids: Sequence[str]) -> int:
    """Number of rows of some runs."""
    statement = "SELECT count(*) FROM counts WHERE run_id = ?"
    return sum(int(reader.query(statement, run_id)[0][0]) for run_id in run_ids)


def stored_rows(reader: ResultReader, run_ids: Sequence[str]) -> Iterator[Row]:
    """Rows of some runs, run by run in the order of the ids, a bounded number in memory.

    The columns that speak of the exchanged file are absent.
    """
    selected = ", ".join(f"{column.table}.{column.name}" for column in STORED)
    statement = (
        f"SELECT {selected} FROM counts JOIN runs USING (run_id) JOIN samples USING (sample_key) "
        "JOIN invocations USING (invocation_id) WHERE counts.run_id = ? ORDER BY counts.sample_id"
    )
    names = [column.name for column in STORED]
    for run_id in run_ids:
        for values in reader.stream(statement, run_id):
            yield dict(zip(names, values, strict=True))
