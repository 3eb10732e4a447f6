"""Shapes of edited regions: ellipses and rounded outlines, joined, cut out, and narrowed to a range of colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask

SUBPIXEL_BITS = 4
"""Vertices are rasterised to 1/16 pixel."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Centre and half axes in pixels."""

    x: float
    y: float
    half_width: float
    half_height: float

    def vertices(self) -> NDArray[np.float64]:
        """N x 2 (x, y)."""
        angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        return np.stack((self.x + self.half_width * np.cos(angles), self.y + self.half_height * np.sin(angles)), axis=1)


class Outline:
    """A closed curve along points (x, y) in pixels; its corners are rounded.

    Args:
        points: the corners, in order; the last is joined to the first.
    """

    def __init__(self, *points: tuple[float, float]) -> None:
        self.points = points

    def vertices(self) -> NDArray[np.float64]:
        """N x 2 (x, y): Chaikin's corner cutting (Computer Graphics and Image Processing 3, 1974), two rounds."""
        vertices = np.array(self.points, np.float64)
        for _ in range(2):
            following = np.roll(vertices, -1, axis=0)
            pairs = np.stack((0.75 * vertices + 0.25 * following, 0.25 * vertices + 0.75 * following), axis=1)
            vertices = pairs.reshape(-1, 2)
        return vertices


Shape = Ellipse | Outline


@dataclass(frozen=True, slots=True)
class ColourRange:
    """Pixels of a certain colour, in OpenCV's 8-bit HSV: hue in steps of 2 degrees, 0-179.

    Attributes:
        hue: lowest and highest; where the lowest is above the highest, the range runs through red.
        saturation: lowest and highest, 0-255.
        value: lowest and highest, 0-255.
        inverted: the pixels of every other colour instead.
    """

    hue: tuple[int, int] = (0, 179)
    saturation: tuple[int, int] = (0, 255)
    value: tuple[int, int] = (0, 255)
    inverted: bool = False

    def select(self, photograph: Image) -> Mask:
        """H x W bool: the pixels in the range, with specks removed and pinholes closed; or all but these."""
        hue, saturation, value = cv2.split(cv2.cvtColor(photograph, cv2.COLOR_RGB2HSV))
        low, high = self.hue
        in_hue = (hue >= low) & (hue <= high) if low <= high else (hue >= low) | (hue <= high)
        in_saturation = (saturation >= self.saturation[0]) & (saturation <= self.saturation[1])
        in_value = (value >= self.value[0]) & (value <= self.value[1])
        selected = (in_hue & in_saturation & in_value).astype(np.uint8)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        cleaned = cv2.morphologyEx(cv2.medianBlur(selected, 5), cv2.MORPH_CLOSE, disc).astype(np.bool_)
        return ~cleaned if self.inverted else cleaned


@dataclass(frozen=True, slots=True)
class Region:
    """A region of a photograph.

    Attributes:
        shapes: their union is the region ...
        without: ... less these ...
        colours: ... less the pixels of another colour.
        grow: pixels by which the whole is widened in the end, to take in an object's blurred rim.
    """

    shapes: tuple[Shape, ...]
    without: tuple[Shape, ...] = ()
    colours: ColourRange | None = None
    grow: int = 0

    def mask(self, photograph: Image) -> Mask:
        """H x W bool, True in the region."""
        shape = photograph.shape[:2]
        inside = fill(self.shapes, shape) & ~fill(self.without, shape)
        if self.colours is not None:
            inside &= self.colours.select(photograph)
        if self.grow:
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * self.grow + 1, 2 * self.grow + 1))
            inside = cv2.dilate(inside.astype(np.uint8), disc).astype(np.bool_)
        return inside


def fill(shapes: tuple[Shape, ...], size: tuple[int, ...]) -> Mask:
    """Rasterise the union of `shapes`.

    Args:
        shapes: they may reach beyond the frame.
        size: height and width.

    Returns:
        H x W bool.
    """
    canvas = np.zeros(size, np.uint8)
    for shape in shapes:
        vertices = np.round(shape.vertices() * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(canvas, [vertices], (1,), shift=SUBPIXEL_BITS)
    return canvas.astype(np.bool_)
