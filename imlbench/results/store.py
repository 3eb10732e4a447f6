"""Writing results: runs, samples and counts, committed batch by batch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, fields
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from imlbench.results.database import connect, database_path, storage_errors
from imlbench.results.records import Known, Outcome, Refreshed, Run, SampleFacts, pack_histogram
from imlbench.statistics import RESAMPLES, Summary

if TYPE_CHECKING:
    from imlbench.metrics import Conventions


def now() -> str:
    """UTC, ISO 8601, seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class ResultStore:
    """The results file of a folder, open for writing. Several processes may hold one at a time.

    Raises:
        UserError: the file cannot be opened or written, see `imlbench.results.database`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = database_path(folder)
        self._connection = connect(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()

    def begin_invocation(self, provenance: Mapping[str, Any]) -> int:
        """Note that a command starts; returns its id."""
        with storage_errors(self.path):
            statement = "INSERT INTO invocations (started, provenance) VALUES (?, ?)"
            cursor = self._connection.execute(statement, (now(), json.dumps(provenance, default=str)))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def finish_invocation(self, invocation_id: int) -> None:
        """Note that a command came to its end."""
        with storage_errors(self.path):
            statement = "UPDATE invocations SET finished = ? WHERE invocation_id = ?"
            self._connection.execute(statement, (now(), invocation_id))

    def add_run(self, run: Run) -> None:
        """Make a run known; nothing happens where it is already."""
        columns = {"run_id": run.run_id, **asdict(run), "soft": int(run.soft), "created": now()}
        with storage_errors(self.path):
            self._connection.execute(insertion("INSERT OR IGNORE", "runs", columns), columns)

    def known(self, run_ids: Sequence[str], sample_ids: Sequence[str]) -> dict[tuple[str, str], Known]:
        """What is stored for each (run id, sample id); keys that are not stored are absent."""
        statement = (
            "SELECT run_id, sample_id, status, reason, signature, content, boundary_tolerance FROM counts "
            "JOIN samples USING (sample_key, sample_id) "
            f"WHERE run_id IN ({marks(run_ids)}) AND sample_id IN ({marks(sample_ids)})"
        )
        with storage_errors(self.path):
            rows = self._connection.execute(statement, (*run_ids, *sample_ids))
            return {(row[0], row[1]): Known(*row[2:]) for row in rows}

    def has_results(self, run_id: str) -> bool:
        """Whether any sample is stored under the run."""
        with storage_errors(self.path):
            statement = "SELECT 1 FROM counts WHERE run_id = ? LIMIT 1"
            return self._connection.execute(statement, (run_id,)).fetchone() is not None

    def write(self, outcomes: Sequence[Outcome], invocation_id: int) -> None:
        """Store outcomes in one transaction; an older outcome of the same run and sample is replaced.

        The means of their runs, which no longer hold, are dropped with the same transaction.
        """
        packed: dict[int, bytes | None] = {}
        samples = list({id(outcome.sample): outcome.sample for outcome in outcomes}.values())
        with storage_errors(self.path), transaction(self._connection):
            keys = self._sample_keys(samples)
            rows = [
                count_row(outcome, keys[outcome.sample.sample_id, outcome.sample.content], invocation_id, packed)
                for outcome in outcomes
            ]
            # Run by run, so that what is written together is also read together.
            rows.sort(key=itemgetter(0))
            insert_rows(self._connection, f"INSERT OR REPLACE INTO counts ({COUNT_COLUMNS})", rows)
            stale = sorted({(outcome.run_id,) for outcome in outcomes})
            self._connection.executemany("DELETE FROM summaries WHERE run_id = ?", stale)

    def _sample_keys(self, samples: Sequence[SampleFacts]) -> dict[tuple[str, str], int]:
        """Keys of the samples' rows by id and content; new ones are written, known ones refreshed."""
        verb = f"INSERT INTO samples ({SAMPLE_COLUMNS})"
        rows = insert_rows(self._connection, verb, [sample_row(sample) for sample in samples], SAMPLE_UPSERT)
        return {(sample_id, content): key for key, sample_id, content in rows}

    def refresh(self, refreshed: Sequence[Refreshed]) -> None:
        """Note new signatures of files whose content has not changed, and what their set says of them now."""
        samples = list({id(one.sample): one.sample for one in refreshed}.values())
        with storage_errors(self.path), transaction(self._connection):
            self._sample_keys(samples)
            statement = "UPDATE counts SET signature = ? WHERE run_id = ? AND sample_id = ?"
            rows = [(one.signature, one.run_id, one.sample.sample_id) for one in refreshed]
            self._connection.executemany(statement, rows)

    def write_summaries(
        self, run_id: str, conventions: Conventions, summaries: Mapping[str, Summary], seed: int
    ) -> None:
        """Store the means of a run under one set of conventions."""
        common = {"run_id": run_id, **asdict(conventions), "resamples": RESAMPLES, "seed": seed}
        rows = [{**common, "metric": name, **asdict(summary)} for name, summary in summaries.items()]
        with storage_errors(self.path), transaction(self._connection):
            self._connection.executemany(insertion("INSERT OR REPLACE", "summaries", rows[0]), rows)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write transaction: all or nothing."""
    # Immediate: a lock that is taken later, in the middle, cannot be waited for.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk makes SQLite roll back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


COUNT_COLUMNS = (
    "run_id, sample_id, sample_key, invocation_id, signature, status, reason, message, seconds, "
    "tp, fp, fn, tn, histogram, boundary_tolerance, boundary_predicted, boundary_predicted_matched, "
    "boundary_true, boundary_true_matched, image_score"
)
SAMPLE_NAMES = [field.name for field in fields(SampleFacts)]
SAMPLE_COLUMNS = ", ".join(SAMPLE_NAMES)
PAIRWISE = ("outside_difference", "notes")
"""What whoever looks at the edited image alone, as a detector does, knows less of than whoever looked at the pair."""
ALONE = "excluded.outside_difference IS NULL AND outside_difference IS NOT NULL"
SAMPLE_UPSERT = (
    "ON CONFLICT (dataset, sample_id, content) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in SAMPLE_NAMES if name not in PAIRWISE)
    + "".join(f", {name} = iif({ALONE}, {name}, excluded.{name})" for name in PAIRWISE)
    + " RETURNING sample_key, sample_id, content"
)
as_json = json.JSONEncoder(ensure_ascii=False).encode
ROWS_AT_ONCE = 64
"""Rows per statement: Python hands over its lock at every statement, which the decoding threads contend for."""


def insert_rows(
    connection: sqlite3.Connection, verb: str, rows: Sequence[Sequence[Any]], suffix: str = ""
) -> list[tuple[Any, ...]]:
    """Insert rows, several per statement; what the statements return."""
    returned: list[tuple[Any, ...]] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        places = ", ".join([f"({marks(block[0])})"] * len(block))
        values = [value for row in block for value in row]
        returned += connection.execute(f"{verb} VALUES {places} {suffix}", values).fetchall()
    return returned


def sample_row(sample: SampleFacts) -> tuple[Any, ...]:
    """Values of `SAMPLE_COLUMNS`."""
    columns = {name: getattr(sample, name) for name in SAMPLE_NAMES}
    for name in ("tags", "notes", "files"):
        columns[name] = as_json(columns[name])
    return tuple(encodable(value) for value in columns.values())


def count_row(
    outcome: Outcome, sample_key: int, invocation_id: int, packed: dict[int, bytes | None]
) -> tuple[Any, ...]:
    """Values of `COUNT_COLUMNS`; `packed` keeps the bytes of histograms that several runs share."""
    counts = outcome.counts
    ids = (outcome.run_id, outcome.sample.sample_id, sample_key, invocation_id)
    head = (*ids, outcome.signature, outcome.status, outcome.reason, outcome.message, outcome.seconds)
    if counts is None:
        return (*head, *[None] * 11)
    soft, boundary = counts.soft, counts.boundary
    if id(soft) not in packed:
        packed[id(soft)] = pack_histogram(soft)
    edges = [None] * 5 if boundary is None else astuple(boundary)
    return (*head, counts.tp, counts.fp, counts.fn, counts.tn, packed[id(soft)], *edges, outcome.image_score)


def encodable(value: Any) -> Any:
    """Text without half characters (lone surrogates), which JSON can smuggle in and SQLite refuses; else the value."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode(errors="backslashreplace").decode()


def marks(values: Sequence[object]) -> str:
    """Placeholders for a list of values."""
    return ", ".join("?" * len(values))


def insertion(verb: str, table: str, columns: Mapping[str, object]) -> str:
    """INSERT statement with named placeholders; table and column names are this module's own, never a user's."""
    names = ", ".join(columns)
    return f"{verb} INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in columns)})"
