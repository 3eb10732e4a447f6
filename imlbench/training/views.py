"""One view of a pair: the same crop, flip and scale for both images and the mask, and the same tone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from imlbench.samples import Image, Mask
    from imlbench.training.recipe import Recipe

Floats = NDArray[np.float32]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""


class View(NamedTuple):
    """A crop of the image, in pixels, then perhaps a horizontal flip.

    Attributes:
        top: first row.
        left: first column.
        height: rows.
        width: columns.
        flip: left and right change places.
    """

    top: int
    left: int
    height: int
    width: int
    flip: bool


def draw_view(shape: tuple[int, ...], recipe: Recipe, generator: np.random.Generator) -> View:
    """A random view of an image of this (height, width, ...)."""
    scale = generator.uniform(recipe.crop_min, 1)
    stretch = np.exp(generator.uniform(-1, 1) * np.log(recipe.crop_aspect) / 2)
    height = max(1, min(shape[0], round(shape[0] * scale * stretch)))
    width = max(1, min(shape[1], round(shape[1] * scale / stretch)))
    top, left = int(generator.integers(0, shape[0] - height + 1)), int(generator.integers(0, shape[1] - width + 1))
    return View(top, left, height, width, bool(generator.random() < recipe.flip_probability))


def whole(shape: tuple[int, ...]) -> View:
    """The view that changes nothing."""
    return View(0, 0, shape[0], shape[1], False)


def crop_image(pixels: Image, view: View) -> Image:
    """The view's rows and columns, not flipped: height x width x 3."""
    return pixels[view.top : view.top + view.height, view.left : view.left + view.width]


def finish_image(crop: Image, view: View, size: int) -> Floats:
    """A crop, flipped as the view says and resized: size x size x 3 in [0, 1]."""
    return resized(crop[:, ::-1] if view.flip else crop, size) / np.float32(255)


def view_mask(mask: Mask, view: View, size: int) -> NDArray[np.bool_]:
    """The mask's part in the view: size x size; a pixel is edited where at least half of it is."""
    crop = mask[view.top : view.top + view.height, view.left : view.left + view.width]
    return np.asarray(resized(crop[:, ::-1] if view.flip else crop, size) >= 0.5)


def resized(pixels: NDArray[np.generic], size: int) -> Floats:
    """To size x size: means where it shrinks, bilinear where it grows; float32 on the scale of the input."""
    shrinks = min(pixels.shape[:2]) >= size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    found = cv2.resize(np.ascontiguousarray(pixels, dtype=np.float32), (size, size), interpolation=method)
    return found.astype(np.float32, copy=False)


class Tone(NamedTuple):
    """A change of tone; all zero or one = none.

    Attributes:
        gain: contrast about the middle grey.
        offset: brightness.
        gamma: exponent.
        saturation: 0 = grey, 1 = as it is.
    """

    gain: float
    offset: float
    gamma: float
    saturation: float


def draw_tone(generator: np.random.Generator, strength: float) -> Tone:
    """A random change of tone; strength 0 = none."""
    gain, gamma, saturation = (float(np.exp(value)) for value in generator.uniform(-strength, strength, 3))
    return Tone(gain, float(generator.uniform(-strength, strength) / 2), gamma, saturation)


def apply_tone(image: Floats, tone: Tone) -> Floats:
    """H x W x 3 in [0, 1] -> the same. Both images of a pair get the same tone, so that it is no edit."""
    grey = (image @ LUMA)[:, :, None]
    coloured = grey + (image - grey) * np.float32(tone.saturation)
    levelled = (coloured - np.float32(0.5)) * np.float32(tone.gain) + np.float32(0.5 + tone.offset)
    return np.asarray(np.clip(levelled, 0, 1) ** np.float32(tone.gamma), np.float32)
