"""Whether two images show the same frame outside the edit, and whether anything is the same at all.

Both are judged on copies of at most 256 pixels a side, where noise, compression and re-rendering hardly show while a
shift, a turn or another crop does. Sums are of integers, exact in any order: every machine finds the same score.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask

SIDE = 256
"""Longest side of the small copies, pixels."""
LEAST_OUTSIDE = 0.05
"""Share of the frame that must lie outside the mask for the alignment to be told."""
LEAST_GRADIENT = 16
"""Mean squared gradient (of Sobel's, 8 x the difference of neighbours' values) of which both images must have more:
what is as flat as that is aligned with everything."""
GLOBAL_LEVEL = 10
"""A small copy's pixel has changed where a channel differs by more than this, of 255."""


def small_copy(pixels: NDArray[Any]) -> NDArray[Any]:
    """At most 256 pixels a side, each the mean of a square of n x n; the array itself where it is small.

    Rows and columns that fill no square at the lower and the right edge are left out: whole squares are many times
    faster than shares of pixels.
    """
    height, width = pixels.shape[:2]
    times = -(-max(height, width) // SIDE)
    if times == 1:
        return pixels
    # A side shorter than n is one square high or wide all the same.
    rows, columns = max(1, height // times), max(1, width // times)
    whole = pixels[: rows * times, : columns * times]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def changed_share(original: Image, edited: Image) -> float:
    """Share of the pixels that differ by more than 10 of 255 in a channel, of two small copies of one size."""
    red, green, blue = cv2.split(cv2.absdiff(original, edited))
    largest = cv2.max(cv2.max(red, green), blue)
    return float(np.count_nonzero(largest > GLOBAL_LEVEL)) / largest.size


def alignment(original: Image, edited: Image, mask: Mask) -> float | None:
    """Correlation of the gradients outside the mask, in [0, 1]: 1 where all edges lie where they lay.

    With g and h the gradients (Sobel, both directions) of the two greys, sum(g h) / sqrt(sum(g g) sum(h h)) over the
    pixels that are further than two from the mask; below 0 counts as 0. Brightness, and a contrast that changes
    everywhere alike, make no difference. Photographs of 1,024 pixels that were compressed to JPEG 10 or darkened have
    0.95 and more, after a shift by 1, 2, 4 and 8 pixels about 0.9, 0.7, 0.3 and 0.

    Args:
        original: h x w x 3, uint8: a small copy.
        edited: likewise, of the same size.
        mask: H x W, bool, at the size that the copies were made from.

    Returns:
        The correlation; None where too little of the frame, or hardly an edge, lies outside the mask.
    """
    outside = outside_of(mask)
    pixels = cv2.countNonZero(outside)
    if pixels < LEAST_OUTSIDE * outside.size:
        return None
    first, second = gradients(original, outside), gradients(edited, outside)
    energies = squares(first), squares(second)
    if min(energies) <= LEAST_GRADIENT * pixels:
        return None
    # 2 g h = g g + h h - (g - h)(g - h)
    apart = squares([np.subtract(*pair) for pair in zip(first, second, strict=True)])
    correlation = (energies[0] + energies[1] - apart) / 2 / math.sqrt(energies[0] * energies[1])
    return round(min(max(correlation, 0.0), 1.0), 6)


def outside_of(mask: Mask) -> NDArray[np.uint8]:
    """h x w, 1 for the pixels of a small copy that are further than two from every pixel of the mask, 0 for others."""
    # Of 255, so that a small pixel of which a 500th is marked counts as marked.
    small = small_copy(mask.view(np.uint8) * np.uint8(255))
    near = cv2.dilate(small, np.ones((5, 5), np.uint8))
    far: NDArray[np.bool_] = np.equal(near, 0)
    return far.view(np.uint8)


def gradients(image: Image, outside: NDArray[np.uint8]) -> list[NDArray[np.int16]]:
    """The grey's derivatives to the right and downwards (Sobel), h x w each, 0 where `outside` is."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    both = [cv2.Sobel(grey, cv2.CV_16S, *way) for way in ((1, 0), (0, 1))]
    return [np.multiply(values, outside, dtype=np.int16) for values in both]


def squares(values: list[NDArray[np.int16]]) -> int:
    """Sum of the squares, an integer; OpenCV takes the root in between, whose rounding is undone."""
    return sum(round(cv2.norm(part, cv2.NORM_L2SQR)) for part in values)
