"""A six-step JPEG sweep of all PixDiff rows against its unavoidable parts: decoding, compressing, differencing."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.bench_pipeline import ROWS
from benchmarks.making import make_pairs
from benchmarks.table import Row, print_table
from imlbench import registry
from imlbench.datasets.folder import Folder
from imlbench.differencing import grey_difference
from imlbench.evaluation import Evaluation, single_threaded_opencv
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.loading import load
from imlbench.perturb import CLEAN, Condition
from imlbench.samples import Pair, Sample
from imlbench.settings import Settings, available_cpus

QUALITIES = (100, 90, 80, 70, 60, 50)
PAIRS = 512
DISTINCT = 128
SIDE = 512
REPEATS = 3
TARGET = 1.25


def conditions() -> list[Condition]:
    """Clean and the six steps."""
    jpeg = registry.resolve("perturbations", "jpeg").load()()
    return [CLEAN, *(Condition(jpeg, quality) for quality in QUALITIES)]


def parts_alone(sample: Sample) -> None:
    """One decode, six encode-decode rounds, seven differencings."""
    pair = load(sample).pair()
    for condition in conditions():
        edited = condition.apply(pair.edited, "edited", sample.id, 0)
        grey_difference(Pair(sample.id, pair.original, edited))


def time_parts(dataset: Folder, workers: int) -> float:
    """Seconds for the parts of all samples."""
    started = time.perf_counter()
    with single_threaded_opencv(), ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(parts_alone, dataset.samples()):
            pass
    return time.perf_counter() - started


def time_sweep(dataset: Folder, workers: int) -> float:
    """Seconds to score and store the seven rows under the seven conditions."""
    with tempfile.TemporaryDirectory() as out:
        jobs = make_jobs(annotator_handles(ROWS, "cpu", 0), dataset, conditions(), 0)
        started = time.perf_counter()
        account = Evaluation(dataset, jobs, Settings(out=Path(out), workers=workers)).run()
        seconds = time.perf_counter() - started
    assert account.total("ok") == len(jobs) * len(dataset)
    return seconds


def run() -> list[Row]:
    """Median of interleaved repeats."""
    workers = available_cpus()
    with tempfile.TemporaryDirectory() as folder:
        make_pairs(Path(folder), DISTINCT, PAIRS, SIDE)
        dataset = Folder(folder)
        time_parts(dataset, workers)
        time_sweep(dataset, workers)
        pairs = [(time_parts(dataset, workers), time_sweep(dataset, workers)) for _ in range(REPEATS)]
    ratio = statistics.median(whole / alone for alone, whole in pairs)
    alone, whole = (1000 * statistics.median(column) / PAIRS for column in zip(*pairs, strict=True))
    detail = f"{whole:.1f} ms a pair, {alone:.1f} ms for its parts, {workers} threads, {PAIRS} pairs of {SIDE} x {SIDE}"
    name = "six-step JPEG sweep of 7 PixDiff rows / its parts alone"
    return [Row(name, ratio, f"at most {TARGET}", ratio <= TARGET, detail)]


if __name__ == "__main__":
    print_table(run())
