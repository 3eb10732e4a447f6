"""Histograms of scores in 256 bins, for unedited and edited pixels apart."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import ScoreMap

BINS = 256
EXACT_FLOAT_COUNT = 1 << 24
"""OpenCV's histograms are float32, which counts exactly up to here."""
COUNTERS = 16
"""Counters of each level, taken by turns along a row. With one alone, neighbours of the same level, as nearly all are
in a difference of two images, would wait for one another: two to three times as long."""
HISTOGRAM_SIZE = [2 * COUNTERS, BINS]
HISTOGRAM_RANGES = [0, 2 * COUNTERS, 0, BINS]
NOWHERE = (slice(0), slice(0))
"""The bounding box of no pixel."""


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


def counter_codes(mask: NDArray[np.uint8], box: tuple[slice, slice]) -> NDArray[np.uint8]:
    """The counter that a pixel is counted with: its column modulo `COUNTERS`, plus `COUNTERS` where edited.

    Args:
        mask: H x W, uint8, 1 = edited.
        box: rows and columns outside which nothing is edited.

    Returns:
        H x W, uint8.
    """
    codes = np.empty(mask.shape, np.uint8)
    codes[:] = turns(mask.shape[1])
    # The negative of 1 has all bits set.
    codes[box] |= np.negative(mask[box]) & np.uint8(COUNTERS)
    return codes


@lru_cache(maxsize=64)
def turns(width: int) -> NDArray[np.uint8]:
    """The counters of a row, edited or not: width, uint8."""
    return (np.arange(width) % COUNTERS).astype(np.uint8)


def class_histogram(binned: NDArray[np.uint8], codes: NDArray[np.uint8], edited: int) -> NDArray[np.int64]:
    """Counts of each bin among unedited (row 0) and edited (row 1) pixels: 2 x 256, int64.

    Only the smallest rectangle with all bins above zero is looked at: images that differ in one place are counted
    there. The sum of the rows is kept for `whole_histogram` where the map is read-only.

    Args:
        binned: H x W, uint8.
        codes: H x W, uint8, see `counter_codes`.
        edited: number of edited pixels.
    """
    box, columns = nonzero_box(binned)
    counts = np.zeros((2, BINS))
    # In strips that OpenCV's float32 histograms count exactly; a longer row is no matter, since its pixels take turns.
    rows = max(1, EXACT_FLOAT_COUNT // max(1, columns.stop - columns.start))
    for start in range(box.start, box.stop, rows):
        strip = slice(start, min(start + rows, box.stop)), columns
        found = cv2.calcHist([codes[strip], binned[strip]], [0, 1], None, HISTOGRAM_SIZE, HISTOGRAM_RANGES)
        counts += found.reshape(2, COUNTERS, BINS).sum(axis=1, dtype=np.float64)
    counts[:, 0] += (binned.size - edited, edited) - counts.sum(axis=1)
    histogram = counts.astype(np.int64)
    facts = facts_of(binned)
    if facts is not None:
        facts.counts = histogram[0] + histogram[1]
        facts.counts.flags.writeable = False
    return histogram


def whole_histogram(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels of each level of an H x W uint8 map: 256, int64.

    Counted once for as long as a read-only array lives, whoever asks.
    """
    facts = facts_of(values)
    if facts is not None and facts.counts is not None:
        return facts.counts
    unedited: NDArray[np.int64] = class_histogram(values, counter_codes(np.zeros_like(values), NOWHERE), edited=0)[0]
    return unedited


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
