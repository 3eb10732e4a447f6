"""Pixel differences of a pair. Pure functions for `Pair.shared`, so that each is computed once a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask, Pair


def absolute_difference(pair: Pair) -> Image:
    """|edited - original| per channel: H x W x 3, uint8, without wrapping."""
    difference = cv2.absdiff(pair.original, pair.edited)
    difference.flags.writeable = False
    return difference  # type: ignore[return-value]


def grey_difference(pair: Pair) -> NDArray[np.uint8]:
    """Luma of the absolute difference: H x W, uint8.

    ITU-R BT.601 weights in 8-bit arithmetic with rounding. It is the grey of the difference, not the
    difference of the greys; on real edits the two differ by up to two points of F1.
    """
    grey = cv2.cvtColor(pair.shared(absolute_difference), cv2.COLOR_RGB2GRAY)
    grey.flags.writeable = False
    return grey  # type: ignore[return-value]


def largest_channel_difference(pair: Pair) -> NDArray[np.uint8]:
    """Largest absolute difference of the three channels: H x W, uint8."""
    red, green, blue = cv2.split(pair.shared(absolute_difference))
    largest = cv2.max(cv2.max(red, green), blue)
    largest.flags.writeable = False
    return largest  # type: ignore[return-value]


def mean_channel_difference(pair: Pair) -> NDArray[np.float32]:
    """Mean absolute difference of the three channels, divided by 255: H x W, float32 in [0, 1]."""
    total = pair.shared(absolute_difference).sum(axis=2, dtype=np.uint16)
    mean: NDArray[np.float32] = total / np.float32(765)
    mean.flags.writeable = False
    return mean


def difference_outside(pair: Pair, mask: Mask, box: tuple[slice, slice]) -> int | None:
    """Largest difference of a channel outside the mask, 0-255; None where the mask covers everything.

    At most 1 means that the edit was composited: pasted back into the untouched original.

    Args:
        pair: H x W images.
        mask: H x W, bool.
        box: the mask's bounding box.
    """
    inside = mask[box]
    if inside.shape == mask.shape and inside.all():
        return None
    rows, columns = box
    every = slice(None)
    # Around the mask's bounding box no mask is needed, which is many times faster.
    strips = (
        (slice(rows.start), every),
        (slice(rows.stop, None), every),
        (rows, slice(columns.start)),
        (rows, slice(columns.stop, None)),
    )
    difference = pair.shared(absolute_difference)
    parts = [difference[strip] for strip in strips]
    largest = [cv2.norm(part, cv2.NORM_INF) for part in parts if part.size]
    if inside.size:
        outside = np.logical_not(inside).view(np.uint8)
        largest.append(cv2.norm(difference[box], cv2.NORM_INF, outside))
    return int(max(largest))
