"""Histograms of scores in 256 bins, for unedited and edited pixels apart."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
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
JOINT_AREA = 1 << 17
"""Pixels from which on halves are counted together in `level_histogram`; below, the table costs more than it saves."""
JOINT_SIZE = [BINS, BINS]
JOINT_RANGES = [0, BINS, 0, BINS]


class LevelCounts:
    """A histogram and its tails, so that any number of thresholds costs one pass.

    Attributes:
        histogram: 2 x 256, int64, as `SampleCounts.histogram`.
        unedited: number of unedited pixels at or above each level, 0 to 256; level 256 is above all.
        edited: likewise of edited ones.
    """

    def __init__(self, histogram: NDArray[np.int64]) -> None:
        self.histogram = histogram
        self.unedited, self.edited = histogram[:, ::-1].cumsum(axis=1)[:, ::-1].tolist()
        self.unedited.append(0)
        self.edited.append(0)


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


def class_histogram(
    binned: NDArray[np.uint8], mask: NDArray[np.uint8], box: tuple[slice, slice], edited: int
) -> NDArray[np.int64]:
    """Counts of each bin among unedited (row 0) and edited (row 1) pixels: 2 x 256, int64.

    Args:
        binned: H x W, uint8.
        mask: H x W, uint8, 1 = edited.
        box: rows and columns outside which nothing is edited.
        edited: number of edited pixels.
    """
    counts = np.empty((2, BINS), np.int64)
    # The negative of 1 has all bits set; what is not edited falls into bin 0, whose true count follows from the rest.
    inside = cv2.bitwise_and(binned[box], np.negative(mask[box])) if edited else mask[:0]
    counts[1] = level_histogram(np.asarray(inside, np.uint8))
    counts[1, 0] = edited - counts[1, 1:].sum()
    np.subtract(whole_histogram(binned), counts[1], out=counts[0])
    return counts


def level_histogram(values: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Pixels of each level of an H x W uint8 map: 256, float64, exact.

    A counter that is raised pixel after pixel makes each wait for the one before, and neighbours mostly have the same
    level. So large maps are counted as pairs, a pixel of the upper half with the one as far down in the lower half;
    the sums of that table over either of its sides are the halves' histograms.
    """
    height, width = values.shape
    if width > max(1, EXACT_FLOAT_COUNT // 2):
        return level_histogram(values[:, : width // 2]) + level_histogram(values[:, width // 2 :])
    counts = np.zeros(BINS)
    # In strips that OpenCV's float32 histograms count exactly.
    rows = EXACT_FLOAT_COUNT // max(1, width)
    for start in range(0, height, rows):
        strip = values[start : start + rows]
        half = len(strip) // 2 if strip.size >= JOINT_AREA else 0
        if half:
            upper, lower = strip[:half], strip[half : 2 * half]
            table = cv2.calcHist([upper, lower], [0, 1], None, JOINT_SIZE, JOINT_RANGES)
            counts += cv2.reduce(table, 1, cv2.REDUCE_SUM)[:, 0]
            counts += cv2.reduce(table, 0, cv2.REDUCE_SUM)[0]
        if 2 * half < len(strip):
            counts += cv2.calcHist([strip[2 * half :]], [0], None, [BINS], [0, BINS]).ravel()
    return counts


def whole_histogram(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels of each level of an H x W uint8 map: 256, int64.

    Only the smallest rectangle with all levels above zero is looked at: images that differ in one place are counted
    there. Counted once for as long as a read-only array lives, whoever asks.
    """
    facts = facts_of(values)
    if facts is not None and facts.counts is not None:
        return facts.counts
    box = nonzero_box(values)
    counts = level_histogram(values[box]).astype(np.int64)
    counts[0] += values.size - counts.sum()
    if facts is not None:
        facts.counts = counts
        counts.flags.writeable = False
    return counts


def nonzero_box(values: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle with all values of an H x W uint8 map above zero; empty for none.

    Looked for once for as long as a read-only array lives, whoever asks.
    """
    facts = facts_of(values)
    if facts is not None and facts.box is not None:
        return facts.box
    left, top, width, height = cv2.boundingRect(values)
    box = slice(top, top + height), slice(left, left + width)
    if facts is not None:
        facts.box = box
    return box


@dataclass(slots=True)
class ArrayFacts:
    """What has been found out about a read-only array.

    Attributes:
        array: only as long as someone else holds it.
        box: see `nonzero_box`; None = not looked for yet.
        counts: see `whole_histogram`; None = not counted yet.
    """

    array: weakref.ref[NDArray[np.uint8]]
    box: tuple[slice, slice] | None = None
    counts: NDArray[np.int64] | None = None


_FACTS: dict[int, ArrayFacts] = {}


def facts_of(values: NDArray[np.uint8]) -> ArrayFacts | None:
    """What is known of a read-only array, to be added to; forgotten with the array. None for one that may change."""
    if values.flags.writeable:
        return None
    key = id(values)
    facts = _FACTS.get(key)
    # The array itself is compared, so that an id which is given out again cannot mislead.
    if facts is None or facts.array() is not values:
        facts = _FACTS[key] = ArrayFacts(weakref.ref(values, lambda _: _FACTS.pop(key, None)))
    return facts


def binary_histogram(tp: int, fp: int, fn: int, tn: int) -> NDArray[np.int64]:
    """Histogram of a hard decision: scores 0 and 1 only."""
    histogram = np.zeros((2, BINS), dtype=np.int64)
    histogram[0, [0, -1]] = tn, fp
    histogram[1, [0, -1]] = fn, tp
    return histogram
