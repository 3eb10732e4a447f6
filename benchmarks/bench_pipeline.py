"""All seven PixDiff rows, counted and stored, against decoding alone: the price of everything but the decoder."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.making import make_pairs
from benchmarks.table import Row, print_table
from imlbench.datasets.folder import Folder
from imlbench.evaluation import Evaluation
from imlbench.images import decode_image
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.masks import decode_mask
from imlbench.perturb import CLEAN
from imlbench.samples import Sample
from imlbench.settings import Settings, available_cpus

ROWS = ("pixdiff-0", "pixdiff-10", "pixdiff-20", "pixdiff-30", "pixdiff-40", "pixdiff-morph", "pixdiff-otsu")
PAIRS = 1000
DISTINCT = 200
SIDE = 512
REPEATS = 7
TARGET = 0.75


def decode(sample: Sample) -> tuple[int, ...]:
    """Both images and the mask, with the decoder that the evaluation uses, all three in memory at once."""
    assert sample.original is not None
    assert sample.mask is not None
    assert sample.mask_rule is not None
    original = decode_image(sample.original.read(), sample.original.name).pixels
    edited = decode_image(sample.edited.read(), sample.edited.name).pixels
    mask = decode_mask(sample.mask.read(), sample.mask.name, sample.mask_rule)
    return original.size, edited.size, mask.size


def decode_all(dataset: Folder, workers: int) -> float:
    """Seconds to decode the set and do nothing else."""
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(decode, dataset.samples()):
            pass
    return time.perf_counter() - started


def evaluate_all(dataset: Folder, workers: int) -> float:
    """Seconds to score the seven rows and store counts, histograms and summaries."""
    with tempfile.TemporaryDirectory() as out:
        settings = Settings(out=Path(out), workers=workers)
        jobs = make_jobs(annotator_handles(ROWS, "cpu", 0), dataset, [CLEAN], 0)
        started = time.perf_counter()
        account = Evaluation(dataset, jobs, settings).run()
        seconds = time.perf_counter() - started
    assert account.total("ok") == len(ROWS) * len(dataset)
    return seconds


def run() -> list[Row]:
    """Medians of interleaved repeats."""
    workers = available_cpus()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pairs"
        make_pairs(root, DISTINCT, PAIRS, SIDE)
        dataset = Folder(root)
        decode_all(dataset, workers)
        evaluate_all(dataset, workers)
        pairs = [(decode_all(dataset, workers), evaluate_all(dataset, workers)) for _ in range(REPEATS)]
    ratio = statistics.median(alone / whole for alone, whole in pairs)
    alone, whole = (PAIRS / statistics.median(column) for column in zip(*pairs, strict=True))
    detail = (
        f"{alone:.0f} pairs/s decoded, {whole:.0f} pairs/s scored, {workers} threads, {PAIRS} pairs of {SIDE} x {SIDE}"
    )
    return [Row("7 PixDiff rows / decoding alone", ratio, f"at least {TARGET}", ratio >= TARGET, detail)]


if __name__ == "__main__":
    print_table(run())
