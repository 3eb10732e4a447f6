"""From a score map and a mask to integers: every metric follows from these, without the images.

Per sample: tp, fp, fn, tn at the adapter's threshold, a histogram of the scores in 256 bins for edited and for
unedited pixels, and, when asked for, the matched boundary pixels at a tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.boundaries import Boundary, dilate_disk, inner_boundary
from imlbench.histograms import LevelCounts, binary_histogram, class_histogram, levels, lowest_level
from imlbench.masks import bounding_box
from imlbench.score_maps import HARD, LEVELS, marked_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Mask, ScoreMap


@dataclass(slots=True)
class SampleCounts:
    """What is kept of one score map. Never changed, but not frozen, since making many of those takes longer.

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


class Truth:
    """A mask with what every comparison needs from it, computed once a sample.

    Args:
        mask: H x W, bool, True = edited.
        tolerance: boundary tolerance in pixels, None to leave boundaries out.
        box: rows and columns of the mask's bounding box, where it is known already.
    """

    def __init__(self, mask: Mask, tolerance: int | None = None, box: tuple[slice, slice] | None = None) -> None:
        self.mask = mask
        self.bytes = mask.view(np.uint8)
        self.tolerance = tolerance
        # Edited pixels are looked for in their bounding box only.
        self.box = bounding_box(mask) if box is None else box
        inside = self.bytes[self.box]
        self.edited = cv2.countNonZero(inside) if inside.size else 0
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
            return self._above(self._level_counts(scores), threshold)
        marked = marked_pixels(scores, threshold)
        tp = cv2.countNonZero(cv2.bitwise_and(marked[self.box], self.bytes[self.box])) if self.edited else 0
        fp, fn = cv2.countNonZero(marked) - tp, self.edited - tp
        tn = self.mask.size - tp - fp - fn
        soft = None if scores.dtype == HARD else self._level_counts(scores).histogram
        boundary = None if self.tolerance is None else self._match_boundary(marked)
        return SampleCounts(tp, fp, fn, tn, soft, boundary)

    def count_again(self, scores: object, threshold: float) -> SampleCounts | None:
        """`count` of the very same map at another threshold; None where it was not counted or must be looked at."""
        kept = self._histograms.get(id(scores))
        # The array is kept beside its counts, so that its id cannot be given to another one.
        if kept is None or kept[0] is not scores or kept[0].dtype != LEVELS or self.tolerance is not None:
            return None
        return self._above(kept[1], threshold)

    def _above(self, counts: LevelCounts, threshold: float) -> SampleCounts:
        """Counts of a map of levels, whose histogram holds them exactly: without another look at the pixels."""
        level = lowest_level(threshold)
        fp, tp = counts.unedited[level], counts.edited[level]
        return SampleCounts(tp, fp, self.edited - tp, self.mask.size - self.edited - fp, counts.histogram)

    def _level_counts(self, scores: ScoreMap) -> LevelCounts:
        """Counts by level of a soft map; adapters that return the very same array share them."""
        kept = self._histograms.get(id(scores))
        if kept is None or kept[0] is not scores:
            kept = (scores, LevelCounts(class_histogram(levels(scores), self.bytes, self.box, self.edited)))
            self._histograms[id(scores)] = kept
        return kept[1]

    def forget_maps(self) -> None:
        """Drop the counts that score maps share, and with them the maps: the next ones are others."""
        self._histograms.clear()

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
