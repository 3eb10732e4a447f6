"""From a score map and a mask to integers: every metric follows from these, without the images.

Per sample: tp, fp, fn, tn at the adapter's threshold, a histogram of the scores in 256 bins for edited and for
unedited pixels, and, when asked for, the matched boundary pixels at a tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.errors import Reason, SampleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Mask, ScoreMap

BINS = 256
FLOAT, LEVELS, HARD = np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.bool_)
"""The three kinds of score maps."""
EXACT_FLOAT_COUNT = 1 << 24
"""OpenCV's histograms are float32, which counts exactly up to here."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Boundary pixels of prediction and truth, and how many lie within the tolerance of the other's.

    Attributes:
        tolerance: in pixels, Euclidean.
        predicted: boundary pixels of the prediction.
        predicted_matched: those with a true boundary pixel within the tolerance.
        true: boundary pixels of the mask.
        true_matched: those with a predicted boundary pixel within the tolerance.
    """

    tolerance: int
    predicted: int
    predicted_matched: int
    true: int
    true_matched: int


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """What is kept of one score map.

    Attributes:
        tp: edited pixels marked as edited.
        fp: unedited pixels marked as edited.
        fn: edited pixels not marked.
        tn: unedited pixels not marked.
        soft: the histogram of a soft map; None for a hard decision, whose four counts already say all.
        boundary: None unless a tolerance was asked for.
    """

    tp: int
    fp: int
    fn: int
    tn: int
    soft: NDArray[np.int64] | None = None
    boundary: Boundary | None = None

    @property
    def histogram(self) -> NDArray[np.int64]:
        """2 x 256, int64: unedited pixels (row 0) and edited ones (row 1) by score bin min(255, floor(256 s)).

        Level k of a uint8 map falls into bin k; a hard decision has the scores 0 and 1 only.
        """
        return binary_histogram(self.tp, self.fp, self.fn, self.tn) if self.soft is None else self.soft


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


class Truth:
    """A mask with what every comparison needs from it, computed once a sample.

    Args:
        mask: H x W, bool, True = edited.
        tolerance: boundary tolerance in pixels, None to leave boundaries out.
    """

    def __init__(self, mask: Mask, tolerance: int | None = None) -> None:
        self.mask = mask
        self.bytes = mask.view(np.uint8)
        self.edited = cv2.countNonZero(self.bytes)
        self.tolerance = tolerance
        # Edited pixels are looked for in their bounding box only.
        left, top, width, height = cv2.boundingRect(self.bytes)
        self.box = (slice(top, top + height), slice(left, left + width))
        self._histograms: dict[int, tuple[ScoreMap, LevelCounts]] = {}
        if tolerance is not None:
            self.boundary = inner_boundary(self.bytes)
            self.near_boundary = dilate_disk(self.boundary, tolerance)

    def count(self, scores: ScoreMap, threshold: float) -> SampleCounts:
        """Compare a score map with the mask.

        Args:
            scores: H x W of the mask's shape; float32 in [0, 1], uint8 levels (k stands for k / 255), or bool.
            threshold: a pixel is marked as edited where its score >= threshold. Ignored for bool.

        Raises:
            ValueError: the shapes differ. Dtype and range are not looked at here: `checked_map` has done so.
        """
        if scores.shape != self.mask.shape:
            raise ValueError(f"score map of shape {scores.shape}, mask of shape {self.mask.shape}")
        if scores.dtype == LEVELS and self.tolerance is None:
            return self._count_levels(scores, threshold)
        marked = marked_pixels(scores, threshold)
        tp = cv2.countNonZero(cv2.bitwise_and(marked[self.box], self.bytes[self.box])) if self.edited else 0
        fp, fn = cv2.countNonZero(marked) - tp, self.edited - tp
        tn = self.mask.size - tp - fp - fn
        soft = None if scores.dtype == HARD else self._level_counts(scores).histogram
        boundary = None if self.tolerance is None else self._match_boundary(marked)
        return SampleCounts(tp, fp, fn, tn, soft, boundary)

    def _count_levels(self, scores: ScoreMap, threshold: float) -> SampleCounts:
        """Counts of a map of levels: its histogram holds them exactly, without another look at the pixels."""
        counts = self._level_counts(scores)
        fp, tp = counts.reaching(lowest_level(threshold))
        return SampleCounts(tp, fp, self.edited - tp, self.mask.size - self.edited - fp, counts.histogram)

    def _level_counts(self, scores: ScoreMap) -> LevelCounts:
        """Counts by level of a soft map; adapters that return the very same array share them."""
        kept = self._histograms.get(id(scores))
        # The array is kept beside its counts, so that its id cannot be given to another one.
        if kept is None or kept[0] is not scores:
            kept = (scores, LevelCounts(class_histogram(levels(scores), self.bytes, self.box)))
            self._histograms[id(scores)] = kept
        return kept[1]

    def _match_boundary(self, marked: NDArray[np.uint8]) -> Boundary:
        assert self.tolerance is not None
        predicted = inner_boundary(marked)
        near_predicted = dilate_disk(predicted, self.tolerance)
        return Boundary(
            self.tolerance,
            cv2.countNonZero(predicted),
            cv2.countNonZero(cv2.bitwise_and(predicted, self.near_boundary)),
            cv2.countNonZero(self.boundary),
            cv2.countNonZero(cv2.bitwise_and(self.boundary, near_predicted)),
        )


def marked_pixels(scores: ScoreMap, threshold: float) -> NDArray[np.uint8]:
    """1 where the score reaches the threshold: H x W, uint8.

    Float scores are compared in float32, levels with `lowest_level`.
    """
    if scores.dtype == HARD:
        return np.ascontiguousarray(scores).view(np.uint8)
    marked: NDArray[np.bool_] = scores >= (lowest_level(threshold) if scores.dtype == LEVELS else np.float32(threshold))
    return marked.view(np.uint8)


@cache
def lowest_level(threshold: float) -> int:
    """The lowest level k of a uint8 map with float32(k) / 255 >= float32(threshold), 256 if there is none.

    The threshold t / 255 marks exactly the levels from t on.
    """
    reached = np.arange(BINS, dtype=np.float32) / np.float32(255) >= np.float32(threshold)
    return int(np.argmax(reached)) if reached.any() else BINS


def levels(scores: ScoreMap) -> NDArray[np.uint8]:
    """Histogram bin of each score: min(255, floor(256 s)) for floats, the level itself for uint8."""
    if scores.dtype == LEVELS:
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
    part, inside = binned[box], mask[box]
    joint = joint_histogram(part, inside)
    if part.size < binned.size:
        joint[0] = 0 - joint[1]
        for strip in strips(binned):
            joint[0] += cv2.calcHist([strip], [0], None, [BINS], [0, BINS]).ravel().astype(np.int64)
    return joint


def joint_histogram(binned: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Counts by class and bin in one pass; a masked histogram branches at every pixel, which can be far slower."""
    histogram = np.zeros((2, BINS), dtype=np.int64)
    for classes, values in zip(strips(mask), strips(binned), strict=True):
        histogram += cv2.calcHist([classes, values], [0, 1], None, [2, BINS], [0, 2, 0, BINS]).astype(np.int64)
    return histogram


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


def inner_boundary(marked: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Marked pixels with an unmarked one among their four neighbours; the frame's edge is no boundary."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return marked - cv2.erode(marked, cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)  # type: ignore[return-value]


def dilate_disk(marked: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Pixels within a Euclidean distance of `radius` of a marked one."""
    offsets = np.arange(-radius, radius + 1)
    disk = (offsets[:, np.newaxis] ** 2 + offsets[np.newaxis] ** 2 <= radius**2).astype(np.uint8)
    return cv2.dilate(marked, disk)  # type: ignore[return-value]


def checked_map(scores: object, shape: tuple[int, ...], owner: str) -> tuple[ScoreMap, bool]:
    """Validate what an adapter returned and bring it to the mask's size.

    Args:
        scores: whatever the adapter returned.
        shape: (height, width) of the mask.
        owner: the adapter's name, for the message.

    Returns:
        The map, and whether it had to be resized (bilinearly, as scores, before any threshold).

    Raises:
        SampleError: not a two-dimensional float32, uint8 or bool array, empty, NaN, or outside [0, 1].
    """
    if not isinstance(scores, np.ndarray) or scores.ndim != 2 or scores.size == 0:
        found = getattr(scores, "shape", type(scores).__name__)
        raise SampleError(Reason.BAD_MAP, f"{owner}: expected an H x W array, found {found}")
    if scores.dtype not in (FLOAT, LEVELS, HARD):
        raise SampleError(Reason.BAD_MAP, f"{owner}: expected float32, uint8 or bool, found {scores.dtype}")
    if scores.dtype == FLOAT:
        lowest, highest = float(scores.min()), float(scores.max())
        # Written so that NaN, for which every comparison is false, fails too.
        if not (lowest >= 0 and highest <= 1):
            raise SampleError(Reason.BAD_MAP, f"{owner}: scores from {lowest:g} to {highest:g}, expected 0 to 1")
    if scores.shape == tuple(shape[:2]):
        return scores, False
    soft = scores.astype(np.float32) / np.float32(255 if scores.dtype == LEVELS else 1)
    resized = cv2.resize(soft, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.clip(resized, 0, 1), True
