"""Otsu's threshold as OpenCV computes it, from a histogram that others need too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.histograms import BINS, whole_histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 1e-6
"""Thresholds whose variance between the classes is this close, relatively, are left to OpenCV to choose from."""
LARGEST = 1 << 22
"""OpenCV passes over thresholds with a ten-millionth of the pixels on one side; up to so many pixels that is none."""
LEVELS = np.arange(BINS, dtype=np.float64)


def above_otsu(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels of an H x W uint8 map strictly above its Otsu threshold, as OpenCV computes it."""
    level = otsu_level(whole_histogram(grey))
    if level is None:
        _, marked = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        return marked.view(np.bool_)
    return grey > level


def otsu_level(histogram: NDArray[np.int64]) -> int | None:
    """Otsu's threshold from the counts of 256 levels; None where rounding could decide otherwise than OpenCV's.

    The variance between the classes, up to a factor, is (T b - n s)^2 / (b (n - b)), with b and s the number and the
    sum of the levels up to the threshold, n and T those of all. The difference is computed without rounding.
    """
    # As floats, which hold all of these integers exactly up to this number of pixels.
    counts = histogram.astype(np.float64)
    below = counts.cumsum()
    counts *= LEVELS
    sums = counts.cumsum()
    pixels, total = below[-1], sums[-1]
    if pixels > LARGEST:
        return None
    between = total * below
    between -= pixels * sums
    between *= between
    # Where all pixels are on one side, the difference is zero too.
    between /= np.maximum(below * (pixels - below), 1)
    best = between.max()
    (near,) = (between >= best * (1 - MARGIN)).nonzero()
    first, last = near[0], near[-1]
    # Levels without pixels between two candidates make no difference to what is marked.
    return int(first) if best > 0 and below[first] == below[last] else None
