"""Counting plus histogram of one 1024 x 1024 map, against torchmetrics and scikit-learn, on one thread each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from sklearn.metrics import f1_score, jaccard_score, roc_auc_score
from torchmetrics.classification import BinaryAUROC, BinaryF1Score, BinaryJaccardIndex

from benchmarks.table import Row, print_table
from imlbench.counting import Truth
from imlbench.histograms import BINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 1024
REPEATS = 7
OWN_CALLS = 10
"""Calls of ours per repeat: one alone is too short to time well."""
TARGETS = {"torchmetrics": 15.0, "scikit-learn": 100.0}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A score map (float32 in [0, 1]) and a mask (bool), each SIDE x SIDE."""

    name: str
    scores: NDArray[np.float32]
    mask: NDArray[np.bool_]


def comparisons() -> list[Comparison]:
    """A smooth map as a model gives it, and noise, which is the worst case for branches and caches."""
    generator = np.random.default_rng(0)
    noise = generator.random((SIDE, SIDE), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 40)
    scores: NDArray[np.float32] = ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)
    shifted = np.roll(scores, SIDE // 40, axis=1) > 0.6
    return [Comparison("smooth", scores, shifted), Comparison("noise", noise, generator.random((SIDE, SIDE)) < 0.2)]


def own(pair: Comparison) -> None:
    """Counts and histogram, from which F1, IoU, AUC and the rest follow."""
    Truth(pair.mask).count(pair.scores, 0.5)


def with_torchmetrics(scores: torch.Tensor, target: torch.Tensor) -> None:
    """F1, IoU and AUC over 256 thresholds."""
    for metric in (BinaryF1Score(), BinaryJaccardIndex(), BinaryAUROC(thresholds=BINS)):
        metric.update(scores, target)
        metric.compute()


def with_scikit_learn(pair: Comparison) -> None:
    """F1, IoU and AUC."""
    truth, scores = pair.mask.ravel(), pair.scores.ravel()
    marked = scores >= 0.5
    f1_score(truth, marked)
    jaccard_score(truth, marked)
    roc_auc_score(truth, scores)


def seconds(function: Callable[[], object], calls: int = 1) -> float:
    """Wall time of one of `calls` calls."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def measure(pair: Comparison) -> dict[str, float]:
    """Median seconds of each, repeats interleaved so that a busy moment hits all of them."""
    scores, target = torch.from_numpy(pair.scores), torch.from_numpy(pair.mask).long()
    times: dict[str, list[float]] = {"imlbench": [], "torchmetrics": [], "scikit-learn": []}
    for _ in range(REPEATS + 1):
        times["imlbench"].append(seconds(lambda: own(pair), OWN_CALLS))
        times["torchmetrics"].append(seconds(lambda: with_torchmetrics(scores, target)))
        times["scikit-learn"].append(seconds(lambda: with_scikit_learn(pair)))
    # The first repeat pays for imports and memory.
    return {name: median(repeats[1:]) for name, repeats in times.items()}


def run() -> list[Row]:
    """Measure both kinds of map on one thread; thread settings are put back afterwards."""
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        return [row for pair in comparisons() for row in compare(pair, measure(pair))]
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])


def compare(pair: Comparison, times: dict[str, float]) -> list[Row]:
    """One row for each of the others."""
    rows = []
    for other, least in TARGETS.items():
        ratio = times[other] / times["imlbench"]
        name = f"counting, {pair.name} {SIDE} x {SIDE} map: times faster than {other}"
        detail = f"{times['imlbench'] * 1e3:.2f} ms against {times[other] * 1e3:.0f} ms, one thread"
        rows.append(Row(name, ratio, f"at least {least:g}", ratio >= least, detail))
    return rows


if __name__ == "__main__":
    print_table(run())
