"""A piece cut from a photograph, scaled, turned and set onto an empty canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.masks import bounding_box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask

LARGEST_FACTOR = 2.5
"""Pieces are not enlarged further: their blur would give them away."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece on a canvas of the scene's size.

    Attributes:
        pixels: H x W x 3 uint8, meaningless where `mask` is False and far from it.
        mask: H x W bool.
    """

    pixels: Image
    mask: Mask


def set_piece(
    image: Image, mask: Mask, size: tuple[int, int], area: float, generator: np.random.Generator
) -> Piece | None:
    """Cut out `mask` and set it anywhere on a canvas, flipped or not, slightly turned.

    Args:
        image: h x w x 3, uint8, what the piece is cut from.
        mask: h x w bool, the piece.
        size: height and width of the canvas.
        area: share of the canvas that it should have.
        generator: where the draws come from.

    Returns:
        The piece; None where nothing of it would be seen.
    """
    if not mask.any():
        return None
    rows, columns = bounding_box(mask)
    factor = min(math.sqrt(area * size[0] * size[1] / float(mask.sum())), LARGEST_FACTOR)
    high, wide = (rows.stop - rows.start) * factor, (columns.stop - columns.start) * factor
    x, y = landing(generator, size[1], wide), landing(generator, size[0], high)
    turn = float(generator.normal(0, 8)) if generator.random() < 0.6 else 0.0
    flip = -1.0 if generator.random() < 0.5 else 1.0
    middle = ((columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2)
    return warped(image, mask, size, (factor, turn, flip), middle, (x, y))


def landing(generator: np.random.Generator, side: int, extent: float) -> float:
    """Coordinate of a piece's centre: inside the frame, one time in five partly beyond its border."""
    room = extent / 2 if generator.random() < 0.8 else extent / 5
    room = min(room, side / 2)
    return float(generator.uniform(room, side - room))


def warped(
    image: Image,
    mask: Mask,
    size: tuple[int, int],
    transform: tuple[float, float, float],
    middle: tuple[float, float],
    target: tuple[float, float],
) -> Piece | None:
    """The piece under (factor, turn in degrees, flip -1 or 1), with the point `middle` brought to `target`."""
    factor, turn, flip = transform
    # Area-averaged before it is warped: a bilinear warp alone would alias.
    shrink = min(1.0, factor)
    small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else image
    high, wide = small.shape[:2]
    across, down = wide / image.shape[1], high / image.shape[0]
    soft = cv2.resize(mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA)
    rest = factor / shrink
    cosine, sine = math.cos(math.radians(turn)) * rest, math.sin(math.radians(turn)) * rest
    matrix = np.array([[flip * cosine, -sine, 0.0], [flip * sine, cosine, 0.0]])
    matrix[:, 2] = np.array(target) - matrix[:, :2] @ (middle[0] * across, middle[1] * down)
    frame = (size[1], size[0])
    coverage: NDArray[np.float32] = cv2.warpAffine(soft, matrix, frame, flags=cv2.INTER_LINEAR)  # type: ignore[assignment]
    inside = coverage > 0.5
    if not inside.any():
        return None
    pixels = cv2.warpAffine(small, matrix, frame, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Piece(pixels, inside)  # type: ignore[arg-type]
