"""One view of an image and its mask: a crop at nearly its own scale, or a part resized to a square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imlbench.training.views import crop_image, draw_view, resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image
    from imlbench.training.single_recipe import ImageRecipe

    Levels = NDArray[np.float32]
    """H x W, 0 to 255; negative = nothing is learned from this pixel."""

IGNORED = -1.0


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """An image and its mask as an item shows them, before the last conversion.

    Attributes:
        pixels: S x S x 3, uint8.
        levels: S x S, float32 from 0 to 255, negative where nothing is learned.
        whole_pixels: whether the pixels are the file's own, so that JPEG's blocks lie where they lay.
    """

    pixels: Image
    levels: Levels
    whole_pixels: bool


def draw_crop(pixels: Image, levels: Levels, size: int, recipe: ImageRecipe, generator: np.random.Generator) -> Shown:
    """`size` x `size` pixels of the image at nearly its own scale; what lies beyond a small image is ignored."""
    factor = float(np.exp(generator.uniform(-1, 1) * np.log(recipe.scale)))
    rescaled = recipe.scale > 1
    if rescaled:
        pixels, levels = scaled(pixels, factor), scaled(levels, factor)
    height, width = levels.shape
    top, left = place_crop(levels, size, recipe, generator)
    part: Any = np.ascontiguousarray(pixels[top : top + size, left : left + size])
    truth: Any = np.ascontiguousarray(levels[top : top + size, left : left + size])
    below, beside = max(0, size - height), max(0, size - width)
    if below or beside:
        how = cv2.BORDER_CONSTANT if recipe.pad_black else cv2.BORDER_REPLICATE
        part = cv2.copyMakeBorder(part, 0, below, 0, beside, how, value=(0, 0, 0))
        truth = cv2.copyMakeBorder(truth, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=IGNORED)
    return Shown(part, truth, not rescaled)


def place_crop(levels: Levels, size: int, recipe: ImageRecipe, generator: np.random.Generator) -> tuple[int, int]:
    """Top and left of a crop: anywhere, or such that it holds an edited pixel."""
    height, width = levels.shape
    rows, columns = max(0, height - size), max(0, width - size)
    top, left = int(generator.integers(0, rows + 1)), int(generator.integers(0, columns + 1))
    if generator.random() < recipe.edited_crops:
        edited = np.flatnonzero(levels >= 128)
        if len(edited):
            row, column = divmod(int(edited[generator.integers(len(edited))]), width)
            top = int(np.clip(row - generator.integers(size), 0, rows))
            left = int(np.clip(column - generator.integers(size), 0, columns))
    return top // recipe.align * recipe.align, left // recipe.align * recipe.align


def draw_square(pixels: Image, levels: Levels, size: int, recipe: ImageRecipe, generator: np.random.Generator) -> Shown:
    """A large part of the image, resized to the network's square."""
    view = draw_view(pixels.shape, recipe, generator)
    part = resized(crop_image(pixels, view), size)
    truth = resized(levels[view.top : view.top + view.height, view.left : view.left + view.width], size)
    return Shown(np.clip(np.rint(part), 0, 255).astype(np.uint8), truth, False)


def scaled(values: Any, factor: float) -> Any:
    """An image or a mask at another scale, of the same type."""
    height, width = (max(1, round(side * factor)) for side in values.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(values, (width, height), interpolation=method)


def targets_of(levels: Levels, recipe: ImageRecipe) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets in [0, 1], and 1 where they count, both S x S, float32.

    Args:
        levels: S x S, 0 to 255, negative where nothing is known.
        recipe: how masks are read.
    """
    known = levels >= 0
    edited = levels >= 128
    low, high = recipe.ignored_levels
    valid = known & ~((levels >= low) & (levels <= high) & (low >= 0))
    if recipe.ignored_rim:
        valid &= ~rim(edited, recipe.ignored_rim)
    targets = np.clip(levels, 0, 255) / np.float32(255) if recipe.soft_masks else edited
    return targets.astype(np.float32), valid.astype(np.float32)


def rim(edited: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Pixels within `width` of a border between edited and not, by the Chebyshev distance."""
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    mask = edited.astype(np.uint8)
    return np.asarray(cv2.dilate(mask, kernel) != cv2.erode(mask, kernel))
