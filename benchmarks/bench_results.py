"""Rows a second that the results file takes, committed in batches as the evaluation loop does it."""

from __future__ import annotations

import statistics
import tempfile
import time

import numpy as np

from benchmarks.table import Row, print_table
from imlbench.counting import SampleCounts
from imlbench.evaluation import COMMIT_SAMPLES
from imlbench.results.records import Outcome, Run, SampleFacts
from imlbench.results.store import ResultStore

RUNS = 7
BATCHES = 40
REPEATS = 5
TARGET = 5000


def make_run(number: int) -> Run:
    """A run."""
    return Run(
        kind="annotator",
        adapter=f"a{number}",
        adapter_title=f"A{number}",
        dataset="set",
        dataset_title="Set",
        paper_dataset="",
        perturbation="",
        severity=None,
        target="edited",
        threshold=0.5,
        soft=True,
        identity=str(number),
        card="{}",
    )


def make_batch(runs: list[Run], batch: int, generator: np.random.Generator) -> list[Outcome]:
    """Outcomes of one commit, each with a full histogram of its own: nothing is shared or left out."""
    outcomes = []
    for index in range(COMMIT_SAMPLES):
        name = f"sample-{batch}-{index}"
        facts = SampleFacts("set", name, "local", name, 512, 512, 1000, 1, "an instruction", {"edit_type": "add"})
        for run in runs:
            counts = SampleCounts(1000, 200, 300, 260644, generator.integers(0, 2000, (2, 256)))
            outcomes.append(Outcome(run.run_id, facts, "1:1/1:1/1:1", "ok", seconds=0.01, counts=counts))
    return outcomes


def rows_per_second() -> float:
    """Rows written a second."""
    runs = [make_run(number) for number in range(RUNS)]
    generator = np.random.default_rng(0)
    batches = [make_batch(runs, batch, generator) for batch in range(BATCHES)]
    with tempfile.TemporaryDirectory() as folder, ResultStore(folder) as store:
        for run in runs:
            store.add_run(run)
        invocation = store.begin_invocation({})
        started = time.perf_counter()
        for batch in batches:
            store.write(batch, invocation)
        return sum(map(len, batches)) / (time.perf_counter() - started)


def run() -> list[Row]:
    """Median of several files."""
    speed = statistics.median(rows_per_second() for _ in range(REPEATS))
    detail = f"{RUNS * COMMIT_SAMPLES} rows a commit, every row with a dense histogram of its own"
    return [Row("results, rows/s", speed, f"at least {TARGET}", speed >= TARGET, detail)]


if __name__ == "__main__":
    print_table(run())
