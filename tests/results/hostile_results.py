"""Results files with texts that break careless formats, and everything that a results file holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from imlbench.boundaries import Boundary
from imlbench.counting import SampleCounts
from imlbench.results.records import Outcome, Run
from imlbench.results.store import ResultStore
from tests.reports.making_results import facts, hard, make_run, soft, unscored

HOSTILE = (
    '=cmd|"/C calc"!A0',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "'apostrophe",
    "''",
    "'=1",
    "",
    'quo"te, comma; |pipe| `code` <script>',
    "new\nline\r\nand\rreturn",
    "nul\x00inside",
    "half \ud800 character",
    "日本 \u2028\x85\u200f \U0001f600",
    "\ufeffmark",
    "NaN",
    "null",
    "12",
)

CLEAN = make_run("pixdiff-10", card='{"name": "pixdiff-10", "url": "=1"}')
JPEG = make_run("pixdiff-20", "=Title\n|", perturbation="jpeg", severity=70.0, threshold=0.1)


def half(tp: int) -> SampleCounts:
    """A hard decision on 40 of 100 edited pixels, of which tp are found."""
    return hard(tp, 0, 40 - tp, 60)


def one(run: Run, name: str, counts: SampleCounts, **changes: Any) -> Outcome:
    """A scored sample."""
    return Outcome(run.run_id, facts(run.dataset, name, **changes), "sig", "ok", counts=counts)


def add(folder: Path, run: Run, outcomes: list[Outcome], started: str = "2026-01-01T00:00:00+00:00") -> Path:
    """Store outcomes in an invocation that starts then."""
    with patch("imlbench.results.store.now", lambda: started), ResultStore(folder) as store:
        store.add_run(run)
        invocation = store.begin_invocation({"imlbench": "0.0.9", "command": [started]})
        store.write(outcomes, invocation)
        store.finish_invocation(invocation)
    return folder


def hostile_results(folder: Path) -> Path:
    """Two runs with hostile texts everywhere, all kinds of counts, and a third run whose invocation never ended."""
    outcomes = []
    for index, text in enumerate(HOSTILE):
        counts = half(index) if index % 2 else replace(soft(50 + index, 5), boundary=Boundary(2, 9, 8, 7, 6))
        sample = facts(
            "cocoglide",
            text.encode(errors="replace").decode() or "empty",
            instruction=text if index else None,
            tags={text: text, "note": "=1"},
            notes=(text,),
            files={"edited": text},
        )
        outcomes.append(Outcome(CLEAN.run_id, sample, f"{index}|#", "ok", "", "note", 0.1 + index, counts))
    add(folder, CLEAN, outcomes)
    jpeg = [replace(outcome, run_id=JPEG.run_id, seconds=None) for outcome in outcomes[:3]]
    failed = [unscored(JPEG, "failed", "failed", "unreadable"), unscored(JPEG, "skipped", "skipped", "no-instruction")]
    add(folder, JPEG, [*jpeg, *failed], "2026-01-02T00:00:00+00:00")
    with ResultStore(folder) as store:
        store.write(outcomes[:1], store.begin_invocation({"command": ["=1"]}))
    return folder


TABLES = {
    "runs": "rowid",
    "invocations": "invocation_id",
    "samples": "dataset, sample_id, content",
    "counts": "run_id, sample_id",
}


def content(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in a results file, but for the numbers that SQLite gives to samples."""
    with closing(sqlite3.connect(folder / "results.db")) as connection:
        found = {}
        for table, order in TABLES.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "sample_key"]
            statement = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}"
            found[table] = connection.execute(statement).fetchall()
        linked = "SELECT run_id, counts.sample_id, content FROM counts JOIN samples USING (sample_key) ORDER BY 1, 2"
        return {**found, "links": connection.execute(linked).fetchall()}


def change(folder: Path, statement: str, *values: object) -> None:
    """Change a results file behind its back."""
    with closing(sqlite3.connect(folder / "results.db")) as connection, connection:
        assert connection.execute(statement, values).rowcount


def all_bins() -> SampleCounts:
    """A histogram with something in every bin: 40 edited and 60 unedited pixels."""
    histogram = np.random.default_rng(0).multinomial([60, 40], [1 / 256] * 256).astype(np.int64)
    fp, tp = histogram[:, 10:].sum(axis=1).tolist()
    return SampleCounts(tp, fp, 40 - tp, 60 - fp, histogram)
