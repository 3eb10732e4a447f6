"""A photograph as a pair shows it: a part of it at the pair's size, with the objects that are seen there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.images import decode_image
from imlbench.synthesis.polygons import Instance, Polygon, rasterised, read_polygons
from imlbench.synthesis.scene import View

if TYPE_CHECKING:
    from imlbench.samples import Image
    from imlbench.synthesis.photographs import Photograph

SMALLEST_OBJECT = 0.003
"""Share of the image below which an object is not worth naming."""
LARGEST_ENLARGEMENT = 1.25
Window = tuple[int, int, int, int]
"""x, y, width, height in pixels of the photograph."""


def load(photograph: Photograph) -> tuple[Image, list[Polygon]]:
    """A photograph's pixels and polygons.

    Raises:
        SampleError: it can no longer be read.
    """
    pixels = decode_image(photograph.read(), photograph.name).pixels
    polygons = read_polygons(photograph.label_root, photograph.label)[0] if photograph.label else []
    return pixels, polygons


def draw_view(photograph: Photograph, side: tuple[int, int], crop: float, generator: np.random.Generator) -> View:
    """A random part of a photograph, its longer side drawn from `side`, never enlarged by more than a quarter."""
    pixels, polygons = load(photograph)
    window = draw_window(pixels.shape, generator) if generator.random() < crop else whole(pixels)
    longer = round(math.exp(generator.uniform(math.log(side[0]), math.log(side[1]))))
    factor = min(longer / max(window[2:]), LARGEST_ENLARGEMENT)
    size = (max(16, round(window[3] * factor)), max(16, round(window[2] * factor)))
    return seen(pixels, polygons, window, size, flip=generator.random() < 0.3)


def covering_view(photograph: Photograph, size: tuple[int, int], generator: np.random.Generator) -> View:
    """A part of a photograph that has the shape of `size` (height, width), at that size."""
    pixels, polygons = load(photograph)
    height, width = pixels.shape[:2]
    factor = min(width / size[1], height / size[0]) * generator.uniform(0.7, 1.0)
    across = int(np.clip(round(size[1] * factor), 1, width))
    down = int(np.clip(round(size[0] * factor), 1, height))
    x, y = int(generator.integers(width - across + 1)), int(generator.integers(height - down + 1))
    return seen(pixels, polygons, (x, y, across, down), size, flip=generator.random() < 0.5)


def whole(pixels: Image) -> Window:
    """All of a photograph."""
    return 0, 0, pixels.shape[1], pixels.shape[0]


def draw_window(shape: tuple[int, ...], generator: np.random.Generator) -> Window:
    """A part with 30 to 95 % of the area, its aspect ratio changed by up to a third, at least 48 pixels a side."""
    height, width = shape[:2]
    area = generator.uniform(0.3, 0.95) * height * width
    aspect = width / height * math.exp(generator.uniform(-0.4, 0.4))
    across = int(np.clip(round(math.sqrt(area * aspect)), min(48, width), width))
    down = int(np.clip(round(math.sqrt(area / aspect)), min(48, height), height))
    return int(generator.integers(width - across + 1)), int(generator.integers(height - down + 1)), across, down


def seen(pixels: Image, polygons: list[Polygon], window: Window, size: tuple[int, int], flip: bool) -> View:
    """What is seen through the window, at (height, width), mirrored or not."""
    x, y, across, down = window
    cut = np.ascontiguousarray(pixels[y : y + down, x : x + across])
    shrinks = size[0] * size[1] < across * down
    image = cv2.resize(cut, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    scale_x, scale_y = size[1] / across, size[0] / down
    height, width = pixels.shape[:2]
    matrix = np.array([[width * scale_x, 0, -x * scale_x], [0, height * scale_y, -y * scale_y]])
    if flip:
        image = np.ascontiguousarray(image[:, ::-1])
        matrix[0] = -matrix[0] + (0, 0, size[1])
    masks = [(polygon.name, rasterised(polygon, matrix, size)) for polygon in polygons]
    instances = tuple(Instance(name, mask) for name, mask in masks if mask.mean() >= SMALLEST_OBJECT)
    return View(image, instances)  # type: ignore[arg-type]
