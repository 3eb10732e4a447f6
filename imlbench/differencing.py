"""Pixel differences of two images. Pure functions for `Pair.shared`, so that each is computed once a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image


def absolute_difference(original: Image, edited: Image) -> Image:
    """|edited - original| per channel: H x W x 3, uint8, without wrapping."""
    return cv2.absdiff(original, edited)  # type: ignore[return-value]


def grey_difference(original: Image, edited: Image) -> NDArray[np.uint8]:
    """Luma of the absolute difference: H x W, uint8.

    ITU-R BT.601 weights in 8-bit arithmetic with rounding. It is the grey of the difference, not the
    difference of the greys; on real edits the two differ by up to two points of F1.
    """
    grey = cv2.cvtColor(absolute_difference(original, edited), cv2.COLOR_RGB2GRAY)
    grey.flags.writeable = False
    return grey  # type: ignore[return-value]


def largest_channel_difference(original: Image, edited: Image) -> NDArray[np.uint8]:
    """Largest absolute difference of the three channels: H x W, uint8."""
    red, green, blue = cv2.split(absolute_difference(original, edited))
    largest = cv2.max(cv2.max(red, green), blue)
    largest.flags.writeable = False
    return largest  # type: ignore[return-value]


def mean_channel_difference(original: Image, edited: Image) -> NDArray[np.float32]:
    """Mean absolute difference of the three channels, divided by 255: H x W, float32 in [0, 1]."""
    total = absolute_difference(original, edited).sum(axis=2, dtype=np.uint16)
    mean: NDArray[np.float32] = total / np.float32(765)
    mean.flags.writeable = False
    return mean
