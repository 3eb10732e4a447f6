"""Reading results: runs, per-sample values, summaries. Everything a report needs, without an image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from imlbench.histograms import BINS
from imlbench.metrics import METRICS, Conventions, CountTable, metric, sample_values
from imlbench.results.database import connect_readonly, database_path, storage_errors
from imlbench.results.frames import (
    COUNT_COLUMNS,
    FACT_COLUMNS,
    FRAME_COLUMNS,
    TABLE_COLUMNS,
    Chunk,
    HistogramMemo,
    chunk_frame,
    count_table,
    decoded_facts,
    stored_run,
)
from imlbench.results.records import Run
from imlbench.statistics import RESAMPLES, Summary, summarise_groups, summarise_pooled

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

CHUNK = 512
"""Samples whose histograms are in memory at once: 512 x 4 KiB."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run and how far it got.

    Attributes:
        run: what was run.
        statuses: samples by status and reason: ("ok", ""), ("failed", "unreadable"), ...
        scopes: scored samples by scope: local, whole-image, authentic.
        recorded: rank in time of the latest invocation that wrote to it, from 1; larger is newer. 0 = none did.
    """

    run: Run
    statuses: Mapping[tuple[str, str], int]
    scopes: Mapping[str, int]
    recorded: int

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.run_id

    def total(self, status: str) -> int:
        """Number of samples of a status: ok, skipped or failed."""
        return sum(count for (found, _), count in self.statuses.items() if found == status)


class SampleValues(NamedTuple):
    """Values of a run's scored samples, in the order of their ids.

    Attributes:
        ids: n sample ids.
        contents: n hashes of the samples' content.
        values: n x m, float64, one column a metric; NaN = the sample has no value.
    """

    ids: list[str]
    contents: list[str]
    values: NDArray[np.float64]


class Composited(NamedTuple):
    """How many pairs of a dataset were pasted back into the untouched original.

    Attributes:
        composited: samples whose channels differ by at most one grey level outside the mask.
        known: samples for which that was measured.
    """

    composited: int
    known: int

    @property
    def whole(self) -> bool:
        """Whether all of the dataset is composited."""
        return self.known > 0 and self.composited == self.known


class ResultReader:
    """A results file, open for reading.

    Args:
        folder: the results folder, or the file itself.

    Raises:
        UserError: there is no usable results file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = database_path(folder)
        self._connection = connect_readonly(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a statement; values are bound, never pasted.

        Raises:
            UserError: the file is damaged.
        """
        with storage_errors(self.path):
            return self._connection.execute(statement, values).fetchall()

    def stream(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """`query`, a bounded number of rows in memory.

        Raises:
            UserError: the file is damaged.
        """
        with storage_errors(self.path):
            cursor = self._connection.execute(statement, values)
        while True:
            with storage_errors(self.path):
                rows = cursor.fetchmany(CHUNK)
            if not rows:
                return
            yield from rows

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside is of one moment, whatever another process writes meanwhile."""
        self.query("BEGIN")
        try:
            yield
        finally:
            self.query("ROLLBACK")

    def runs(self, kind: str | None = None) -> list[StoredRun]:
        """All runs in the order in which they were first made; of one kind (annotator, detector) or all."""
        statuses: dict[str, dict[tuple[str, str], int]] = {}
        scopes: dict[str, dict[str, int]] = {}
        recorded: dict[str, int] = {}
        # By time first: the numbers of merged files say nothing of what came later.
        ranked = "SELECT invocation_id, row_number() OVER (ORDER BY started, invocation_id) AS rank FROM invocations"
        statement = (
            "SELECT run_id, status, reason, scope, count(*), coalesce(max(rank), 0) FROM counts "
            f"LEFT JOIN ({ranked}) USING (invocation_id) JOIN samples USING (sample_key) "
            "GROUP BY run_id, status, reason, scope"
        )
        for run_id, status, reason, scope, count, invocation in self.query(statement):
            by_status = statuses.setdefault(run_id, {})
            by_status[status, reason] = by_status.get((status, reason), 0) + count
            if status == "ok":
                scopes.setdefault(run_id, {})[scope] = count
            recorded[run_id] = max(recorded.get(run_id, 0), invocation)
        columns = ", ".join(field.name for field in fields(Run))
        rows = self.query(f"SELECT run_id, {columns} FROM runs ORDER BY created, rowid")
        return [
            StoredRun(run, statuses.get(run_id, {}), scopes.get(run_id, {}), recorded.get(run_id, 0))
            for run_id, *values in rows
            if kind in (None, (run := stored_run(values)).kind)
        ]

    def chunks(self, run_id: str, scope: str | None = "local", size: int = CHUNK) -> Iterator[Chunk]:
        """The scored samples of a run, a bounded number at a time.

        Args:
            run_id: the run.
            scope: only samples of this scope; the localisation averages are over "local". None = all.
            size: samples per chunk.
        """
        for rows in self._scored(run_id, FACT_COLUMNS, scope, size):
            yield Chunk([decoded_facts(row) for row in rows], count_table(rows, start=len(FACT_COLUMNS)))

    def tables(self, run_id: str, scope: str | None = "local", size: int = CHUNK) -> Iterator[CountTable]:
        """The counts of `chunks` without the facts."""
        for rows in self._scored(run_id, ("sample_id",), scope, size):
            yield count_table(rows, start=1)

    def _scored(
        self, run_id: str, facts: Sequence[str], scope: str | None, size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of scored samples: the facts, of which the id is the first, then `TABLE_COLUMNS`."""
        names = (*facts, *TABLE_COLUMNS)
        columns = ", ".join(f"counts.{name}" if name == "sample_id" else name for name in names)
        statement = (
            f"SELECT {columns} FROM counts JOIN samples USING (sample_key) "
            "WHERE run_id = ? AND status = 'ok' AND counts.sample_id > ? AND (? IS NULL OR scope = ?) "
            "ORDER BY counts.sample_id LIMIT ?"
        )
        last = ""
        while rows := self.query(statement, run_id, last, scope, scope, size):
            last = rows[-1][0]
            yield rows

    def table(self, run_id: str, scope: str | None = "local") -> CountTable:
        """Counts of all scored samples at once: 4 KiB a sample. Prefer `tables` for large runs."""
        tables = list(self.tables(run_id, scope)) or [count_table([], start=0)]
        columns = (field.name for field in fields(CountTable))
        return CountTable(*(np.concatenate([getattr(table, name) for table in tables]) for name in columns))

    def summarise(
        self,
        run_id: str,
        metrics: Sequence[str],
        conventions: Conventions | None = None,
        *,
        scope: str | None = "local",
        seed: int = 0,
        resamples: int = RESAMPLES,
    ) -> dict[str, Summary]:
        """Mean, standard error and bootstrap interval of each metric over the run's scored samples.

        Raises:
            UserError: unknown metric.
        """
        summaries = self.summarise_runs([run_id], metrics, conventions, scope=scope, seed=seed, resamples=resamples)
        return summaries[run_id]

    def summarise_runs(
        self,
        run_ids: Sequence[str],
        metrics: Sequence[str],
        conventions: Conventions | None = None,
        *,
        scope: str | None = "local",
        seed: int = 0,
        resamples: int = RESAMPLES,
    ) -> dict[str, dict[str, Summary]]:
        """`summarise` for several runs, cheaper than one by one: equal histograms and resamples are shared."""
        chosen = conventions or Conventions()
        if chosen.average == "pixel":
            tables = ((run_id, self.table(run_id, scope)) for run_id in run_ids)
            flat = {key: summarise_pooled(table, metrics, chosen, seed, resamples) for key, table in tables}
        else:
            memo = HistogramMemo()
            values = {run_id: self._values(run_id, metrics, chosen, scope, memo) for run_id in run_ids}
            flat = summarise_groups(values, seed, resamples)
        return {run_id: dict(zip(metrics, flat[run_id], strict=True)) for run_id in run_ids}

    def _values(
        self, run_id: str, metrics: Sequence[str], conventions: Conventions, scope: str | None, memo: HistogramMemo
    ) -> NDArray[np.float64]:
        """Values of a run's scored samples in the order of their ids: n x m."""
        chunks = enumerate(self._scored(run_id, ("sample_id",), scope, CHUNK))
        blocks = [memo.values(index, rows, metrics, conventions) for index, rows in chunks]
        return np.concatenate(blocks) if blocks else np.empty((0, len(metrics)))

    def sample_values(
        self, run_id: str, metrics: Sequence[str], conventions: Conventions | None = None, scope: str | None = "local"
    ) -> SampleValues:
        """Ids, contents and values of a run's scored samples; histograms are in memory a chunk at a time.

        Raises:
            UserError: unknown metric.
        """
        chosen = conventions or Conventions()
        soft = any(metric(name).soft for name in metrics)
        found = SampleValues([], [], np.empty((0, len(metrics))))
        blocks = [found.values]
        for rows in self._scored(run_id, ("sample_id", "content"), scope, CHUNK):
            table = count_table(rows, start=2, bins=BINS if soft else 0)
            found.ids.extend(row[0] for row in rows)
            found.contents.extend(row[1] for row in rows)
            blocks.append(np.stack([sample_values(table, name, chosen) for name in metrics], axis=1))
        return found._replace(values=np.concatenate(blocks))

    def image_scores(self, run_id: str, scope: str | None = None) -> NDArray[np.float64]:
        """Image scores of a detector's scored samples in the order of their ids: n, in [0, 1].

        Where the detector has none of its own (its card says so) it is the largest score of the map.

        Args:
            run_id: the run; of an annotator, which has no image scores, there are none.
            scope: only samples of this scope; None = all.
        """
        statement = (
            "SELECT image_score FROM counts JOIN samples USING (sample_key) WHERE run_id = ? AND status = 'ok' "
            "AND image_score IS NOT NULL AND (? IS NULL OR scope = ?) ORDER BY counts.sample_id"
        )
        return np.array([row[0] for row in self.query(statement, run_id, scope, scope)], dtype=np.float64)

    def last_written(self) -> dict[str, str]:
        """When the latest invocation that wrote to each run started: UTC, ISO 8601, by run id."""
        statement = "SELECT run_id, max(started) FROM counts JOIN invocations USING (invocation_id) GROUP BY run_id"
        return dict(self.query(statement))

    def instructions(self, run_id: str, sample_ids: Sequence[str]) -> dict[str, str | None]:
        """Instructions of some samples as the run met them; None where a sample has none."""
        statement = (
            "SELECT instruction FROM counts JOIN samples USING (sample_key) WHERE run_id = ? AND counts.sample_id = ?"
        )
        found = {sample_id: self.query(statement, run_id, sample_id) for sample_id in sample_ids}
        return {sample_id: rows[0][0] for sample_id, rows in found.items() if rows}

    def stored_summaries(self, run_id: str, conventions: Conventions | None = None) -> dict[str, Summary]:
        """Summaries as the last evaluation of the run left them, by metric; empty where it has not come to its end."""
        chosen = conventions or Conventions()
        statement = (
            "SELECT metric, mean, stderr, low, high, n FROM summaries "
            "WHERE run_id = ? AND empty = ? AND average = ? AND invert = ?"
        )
        summaries = {}
        for name, *numbers, n in self.query(statement, run_id, chosen.empty, chosen.average, chosen.invert):
            # SQLite has no NaN and stores it as NULL.
            mean, stderr, low, high = (float("nan") if value is None else value for value in numbers)
            summaries[name] = Summary(mean, stderr, low, high, n)
        return summaries

    def frame(
        self,
        run_ids: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
        conventions: Conventions | None = None,
        scope: str | None = None,
    ) -> pd.DataFrame:
        """One row per run and scored sample: dataset, adapter, condition, facts, counts, metrics, tags.

        Args:
            run_ids: None = all runs.
            metrics: None = all metrics.
            conventions: of the metrics.
            scope: only samples of this scope; None = all.
        """
        import pandas as pd

        chosen = tuple(metrics or METRICS)
        frames: list[pd.DataFrame] = []
        for stored in self.runs():
            if run_ids is not None and stored.run_id not in run_ids:
                continue
            chunks = self.chunks(stored.run_id, scope)
            frames.extend(chunk_frame(stored.run, chunk, chosen, conventions or Conventions()) for chunk in chunks)
        if not frames:
            return pd.DataFrame(columns=[*FRAME_COLUMNS, *COUNT_COLUMNS, *chosen])
        return pd.concat(frames, ignore_index=True)

    def failures(self, run_id: str) -> list[tuple[str, str, str, str]]:
        """(sample id, status, reason, message) of every sample that was skipped or failed."""
        statement = (
            "SELECT sample_id, status, reason, message FROM counts "
            "WHERE run_id = ? AND status <> 'ok' ORDER BY sample_id"
        )
        return [(row[0], row[1], row[2], row[3]) for row in self.query(statement, run_id)]

    def composited(self, run_id: str) -> Composited:
        """How many of the run's scored pairs are identical outside the mask, up to one grey level."""
        statement = (
            "SELECT count(CASE WHEN outside_difference <= 1 THEN 1 END), count(outside_difference) "
            "FROM counts JOIN samples USING (sample_key) WHERE run_id = ? AND status = 'ok' AND scope = 'local'"
        )
        return Composited(*self.query(statement, run_id)[0])

    def fingerprint(self, run_id: str) -> str:
        """SHA-256 over the ordered ids and contents of the run's scored samples, hexadecimal."""
        digest = hashlib.sha256()
        statement = (
            "SELECT counts.sample_id, content FROM counts JOIN samples USING (sample_key) "
            "WHERE run_id = ? AND status = 'ok' ORDER BY counts.sample_id"
        )
        for sample_id, content in self.query(statement, run_id):
            digest.update(f"{sample_id}\0{content}\n".encode())
        return digest.hexdigest()

    def provenance(self, run_id: str) -> list[dict[str, Any]]:
        """Provenance of every invocation that wrote results which the run still holds, oldest first."""
        statement = (
            "SELECT started, provenance FROM invocations WHERE invocation_id IN "
            "(SELECT DISTINCT invocation_id FROM counts WHERE run_id = ?) ORDER BY started, invocation_id"
        )
        return [{"started": started, **json.loads(text)} for started, text in self.query(statement, run_id)]
