"""Histograms of scores in 256 bins, for unedited and edited pixels apart."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import ScoreMap

BINS = 256
EXACT_FLOAT_COUNT = 1 << 24
"""OpenCV's histograms are float32, which counts exactly up to here."""


class LevelCounts:
    """A histogram and its tails, so that any number of thresholds costs one pass.

    Args:
        histogram: 2 x 256, int64, as `SampleCounts.histogram`.
    """

    def __init__(self, histogram: NDArray[np.int64]) -> None:
        self.histogram = histogram
        self._tails = histogram[:, ::-1].cumsum(axis=1).tolist()

    def reaching(self, level: int) -> tuple[int, int]:
        """Unedited and edited pixels at or above a level; level 256 is above all."""
        if level >= BINS:
            return 0, 0
        return self._tails[0][BINS - 1 - level], self._tails[1][BINS - 1 - level]


@cache
def lowest_level(threshold: float) -> int:
    """The lowest level k of a uint8 map with float32(k) / 255 >= float32(threshold), 256 if there is none.

    The threshold t / 255 marks exactly the levels from t on.
    """
    reached = np.arange(BINS, dtype=np.float32) / np.float32(255) >= np.float32(threshold)
    return int(np.argmax(reached)) if reached.any() else BINS


def levels(scores: ScoreMap) -> NDArray[np.uint8]:
    """Histogram bin of each score: min(255, floor(256 s)) for floats, the level itself for uint8."""
    if scores.dtype == np.uint8:
        return scores
    scaled = np.multiply(scores, np.float32(256), order="C")
    # Scaling by a power of two is exact, and OpenCV's cut at 255 is several times as fast as NumPy's minimum.
    cut = cv2.threshold(scaled, BINS - 1, BINS - 1, cv2.THRESH_TRUNC, dst=scaled)[1]
    binned: NDArray[np.uint8] = cut.astype(np.uint8)
    return binned


def class_histogram(binned: NDArray[np.uint8], mask: NDArray[np.uint8], box: tuple[slice, slice]) -> NDArray[np.int64]:
    """Counts of each bin among unedited (row 0) and edited (row 1) pixels: 2 x 256, int64.

    Args:
        binned: H x W, uint8.
        mask: H x W, uint8, 1 = edited.
        box: rows and columns outside which nothing is edited.
    """
    joint = np.zeros((2, BINS), dtype=np.int64)
    inside = mask[box]
    if inside.size:
        # Setting the unedited pixels to zero is many times faster than a masked histogram, which branches at each.
        edited: NDArray[np.uint8] = cv2.bitwise_and(binned[box], np.negative(inside))  # type: ignore[assignment]
        joint[1] = count_levels(edited)
        joint[1, 0] -= inside.size - cv2.countNonZero(inside)
    joint[0] = whole_histogram(binned) - joint[1]
    return joint


def count_levels(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels of each level of an H x W uint8 map: 256, int64."""
    counts = np.zeros(BINS, dtype=np.int64)
    for strip in strips(values):
        counts += cv2.calcHist([strip], [0], None, [BINS], [0, BINS]).ravel().astype(np.int64)
    return counts


_COUNTED: dict[int, tuple[weakref.ref[NDArray[np.uint8]], NDArray[np.int64]]] = {}


def whole_histogram(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """`count_levels`, counted once for as long as a read-only array lives, whoever asks."""
    if values.flags.writeable:
        return count_levels(values)
    key = id(values)
    known = _COUNTED.get(key)
    # The array itself is compared, so that an id which is given out again cannot mislead.
    if known is not None and known[0]() is values:
        return known[1]
    counts = count_levels(values)
    counts.flags.writeable = False
    _COUNTED[key] = (weakref.ref(values, lambda _: _COUNTED.pop(key, None)), counts)
    return counts


def strips(values: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Pieces that are small enough for OpenCV's float32 histograms to count exactly."""
    flat = np.ascontiguousarray(values).ravel()
    for start in range(0, flat.size, EXACT_FLOAT_COUNT):
        yield flat[start : start + EXACT_FLOAT_COUNT]


def binary_histogram(tp: int, fp: int, fn: int, tn: int) -> NDArray[np.int64]:
    """Histogram of a hard decision: scores 0 and 1 only."""
    histogram = np.zeros((2, BINS), dtype=np.int64)
    histogram[0, [0, -1]] = tn, fp
    histogram[1, [0, -1]] = fn, tp
    return histogram
