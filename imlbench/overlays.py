"""How a decision is shown on its image: translucent colour over the region, a line around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

COLOUR = (255, 0, 170)
"""RGB; a pink that few photographs contain."""
OPACITY = 0.4
LINES_PER_SIDE = 400
"""The contour is one pixel wide for each of these many pixels of the longer side."""


def overlay(edited: Image, marked: NDArray[np.uint8]) -> Image:
    """The edited image with the marked region tinted, a coloured contour inside it and a thin white one outside.

    Args:
        edited: H x W x 3, uint8, RGB; left as it is.
        marked: H x W, uint8, 1 = edited.

    Returns:
        H x W x 3, uint8, RGB.
    """
    drawn = edited.copy()
    if not marked.any():
        return drawn
    # Around the region only, whose strip is wide enough for the outer line.
    width = max(1, round(max(edited.shape[:2]) / LINES_PER_SIDE))
    left, top, columns, rows = cv2.boundingRect(marked)
    box = tuple(slice(max(0, start - width), start + size + width) for start, size in ((top, rows), (left, columns)))
    part, region = drawn[box], marked[box]
    tint = np.full_like(part, COLOUR)
    mixed = cv2.addWeighted(part, 1 - OPACITY, tint, OPACITY, 0)
    part[region > 0] = mixed[region > 0]
    part[band(region, width, outside=True)] = 255
    part[band(region, width + 1, outside=False)] = COLOUR
    return drawn


def band(region: NDArray[np.uint8], width: int, *, outside: bool) -> NDArray[np.bool_]:
    """The pixels within `width` of the region's edge, on one side of it: H x W, bool."""
    square = np.ones((3, 3), np.uint8)
    if outside:
        return np.greater(cv2.dilate(region, square, iterations=width), region)
    # Without the frame, a region that reaches the border has a line along the border too.
    inner = cv2.erode(region, square, iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.greater(region, inner)
