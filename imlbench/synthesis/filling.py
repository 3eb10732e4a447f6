"""Filling a hole with what lies around it, in four ways; what is behind a removed object."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imlbench.synthesis.blending import grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask

MAX_INPAINTED = 20000
"""OpenCV's inpainting takes a second for a hundred thousand pixels: larger holes are filled on a smaller copy."""
CANDIDATES = 24


def diffused(image: NDArray[np.float32], hole: Mask) -> NDArray[np.float32]:
    """The hole filled smoothly from its border, by pulling the surroundings up a pyramid and pushing them down.

    Args:
        image: H x W x C float32.
        hole: H x W bool, not the whole frame.

    Returns:
        H x W x C float32, equal to `image` outside the hole.
    """
    known = (~hole).astype(np.float32)
    levels: list[tuple[NDArray[Any], NDArray[Any]]] = [(image * known[:, :, None], known)]
    while min(levels[-1][1].shape) > 2 and levels[-1][1].min() <= 0:
        size = tuple(max(1, side // 2) for side in levels[-1][1].shape[::-1])
        colour, weight = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in levels[-1])
        levels.append((colour.reshape(*weight.shape, -1), weight))
    colour, weight = levels[-1]
    total = np.maximum(colour.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6), -1e6)
    filled = np.where(weight[:, :, None] > 1e-4, colour / np.maximum(weight[:, :, None], 1e-4), total)
    for colour, weight in reversed(levels[:-1]):
        coarse = cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(colour.shape)
        part = np.clip(weight, 0, 1)[:, :, None]
        filled = colour + (1 - part) * coarse
    smooth = cv2.GaussianBlur(filled, (0, 0), 2.0).reshape(filled.shape)
    result: NDArray[np.float32] = np.where(hole[:, :, None], smooth, image).astype(np.float32)
    return result


def grain(image: Image, hole: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """Fine detail for a smooth filling: the image's own, from a place a random way off; H x W x 3 around 0."""
    pixels = image.astype(np.float32)
    detail = pixels - cv2.GaussianBlur(pixels, (0, 0), 2.0)
    # What the hole held must not shine through its filling.
    detail[hole] = 0
    height, width = hole.shape
    return np.roll(detail, (int(generator.integers(height)), int(generator.integers(width))), axis=(0, 1))


def by_diffusion(image: Image, hole: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """Smooth filling, two times in three with grain."""
    filled = diffused(image.astype(np.float32), hole)
    return filled + grain(image, hole, generator) if generator.random() < 2 / 3 else filled


def by_inpainting(image: Image, hole: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """OpenCV's Telea or Navier-Stokes inpainting, on a smaller copy where the hole is large."""
    method = cv2.INPAINT_TELEA if generator.random() < 0.5 else cv2.INPAINT_NS
    radius = float(generator.integers(2, 7))
    factor = min(1.0, (MAX_INPAINTED / max(1, int(hole.sum()))) ** 0.5)
    size = tuple(max(4, round(side * factor)) for side in hole.shape[::-1])
    # Blurred over the hole first: a smaller copy mixes what is removed into the hole's border.
    start = image if factor == 1 else np.clip(diffused(image.astype(np.float32), hole), 0, 255).astype(np.uint8)
    small = cv2.resize(start, size, interpolation=cv2.INTER_AREA)
    small_hole = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    filled = cv2.inpaint(small, small_hole, radius, method)
    back = cv2.resize(filled, hole.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return back + grain(image, hole, generator) if generator.random() < 0.5 else back


def by_patch(image: Image, hole: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """One piece of the image moved over the hole, the one of several that fits its border best.

    What the border still differs by is spread smoothly over the piece.
    """
    pixels = image.astype(np.float32)
    band = grown(hole, 4) & ~hole
    best, least = diffused(pixels, hole), np.inf
    for _ in range(CANDIDATES):
        piece, usable = moved(pixels, hole, generator)
        if not usable:
            continue
        misfit = float(np.abs(piece[band] - pixels[band]).mean()) if band.any() else 0.0
        if misfit < least:
            best, least = piece, misfit
    if least == np.inf:
        return best
    correction = diffused(pixels - best, grown(hole, 2)) if not grown(hole, 2).all() else np.zeros_like(pixels)
    return best + np.where(hole[:, :, None], correction, 0)


def moved(pixels: NDArray[np.float32], hole: Mask, generator: np.random.Generator) -> tuple[NDArray[np.float32], bool]:
    """The image shifted, at times mirrored too; and whether what then lies over the hole comes from outside it."""
    height, width = hole.shape
    offset = (
        int(generator.integers(-width // 2, width // 2 + 1)),
        int(generator.integers(-height // 2, height // 2 + 1)),
    )
    source, covered = pixels, hole
    if generator.random() < 0.5:
        source, covered = np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(hole[:, ::-1])
    matrix = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float32)
    shifted = cv2.warpAffine(source, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    there = cv2.warpAffine(covered.astype(np.uint8), matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101) > 0
    return shifted, float((there & hole).sum()) <= 0.02 * float(hole.sum())  # type: ignore[return-value]


Filling = Callable[["Image", "Mask", np.random.Generator], "NDArray[np.float32]"]
FILLINGS: dict[str, Filling] = {"diffusion": by_diffusion, "inpainting": by_inpainting, "patch": by_patch}
WEIGHTS = (0.2, 0.3, 0.5)
LARGE = 0.04
LARGE_WEIGHTS = (0.25, 0.0, 0.75)


def fill(image: Image, hole: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """The image with its hole filled in one of these ways: H x W x 3 float32, 0-255, not clipped.

    Args:
        image: H x W x 3, uint8.
        hole: H x W bool, not the whole frame.
        generator: where the draws come from.
    """
    names = tuple(FILLINGS)
    # Level lines drawn across a large hole end in rays that no editor would return.
    weights = LARGE_WEIGHTS if hole.mean() > LARGE else WEIGHTS
    return FILLINGS[names[generator.choice(len(names), p=weights)]](image, hole, generator)
