"""Arithmetic that several detectors' authors share: scales, sizes, padding. Pure functions on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

    Planes = NDArray[np.float32]
    """3 x H x W, float32."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of values in [0, 1], in the order of the channels, whatever their colours are."""


def planes(values: NDArray[np.generic]) -> Planes:
    """C x H x W float32 of H x W x C."""
    return np.ascontiguousarray(values.transpose(2, 0, 1), dtype=np.float32)


def imagenet_planes(pixels: NDArray[np.uint8]) -> Planes:
    """(value / 255 - mean) / deviation with ImageNet's statistics: 3 x H x W, float32."""
    # One multiplication and one subtraction a value, not a division and two more passes.
    scale = (1 / (255 * np.asarray(IMAGENET_DEVIATION))).astype(np.float32)
    shift = (np.asarray(IMAGENET_MEAN) / np.asarray(IMAGENET_DEVIATION)).astype(np.float32)
    return planes(pixels * scale - shift)


def resized_pixels(pixels: Image, height: int, width: int) -> NDArray[np.uint8]:
    """Bilinear, aspect not kept, 8 bits stay 8 bits: OpenCV's usual way, which shrinks without smoothing.

    Returns:
        height x width x 3, uint8.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def resized_map(scores: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """A map at another size, bilinear, in its own type: height x width."""
    if scores.shape == (height, width):
        return scores
    return cv2.resize(scores, (width, height), interpolation=cv2.INTER_LINEAR)


def mirrored(pixels: Image, least: int) -> NDArray[np.uint8]:
    """An image of at least `least` pixels on each side, continued by its mirror image at the bottom and the right."""
    lacking = [(0, max(0, least - length)) for length in pixels.shape[:2]]
    return pixels if not np.any(lacking) else np.pad(pixels, (*lacking, (0, 0)), "symmetric")
