"""Posters: what is edited is not always a photograph. Panels, shapes and lettering over one, or flat colours of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.synthesis.kinds.text import WORDS, draw_letters
from imlbench.synthesis.words import colour_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image
    from imlbench.synthesis.scene import View

MAX_COVERED = 0.4
"""Share of an object's pixels that a panel may cover before it is an object of the view no more."""


def poster(view: View, generator: np.random.Generator) -> View:
    """The view as a poster, with those of its objects that are still seen."""
    image = flattened(view.image, generator) if generator.random() < 0.4 else view.image
    covered = np.zeros(image.shape[:2], np.bool_)
    for _ in range(int(generator.integers(0, 4))):
        image, panel = with_panel(image, generator)
        covered |= panel
    for _ in range(int(generator.integers(1, 7))):
        image = with_words(image, generator)
    seen = tuple(one for one in view.instances if (one.mask & covered).sum() <= MAX_COVERED * one.mask.sum())
    return replace(view, image=image, instances=seen)


def flattened(image: Image, generator: np.random.Generator) -> Image:
    """Few flat colours with their edges kept, as a drawing has them."""
    smooth = cv2.bilateralFilter(image, 9, float(generator.uniform(40, 90)), 7)
    levels = int(generator.integers(4, 12))
    step = 256 / levels
    flat = (np.floor(smooth / step) + 0.5) * step
    drawn: Image = np.clip(flat if generator.random() < 0.6 else smooth, 0, 255).astype(np.uint8)
    return drawn


def with_panel(image: Image, generator: np.random.Generator) -> tuple[Image, NDArray[np.bool_]]:
    """A band, a box or a disc of one colour or of a gradient, more or less opaque; and where it lies."""
    height, width = image.shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    down, across = (max(4, int(side * generator.uniform(0.08, 0.5))) for side in (height, width))
    y, x = int(generator.integers(0, height - down + 1)), int(generator.integers(0, width - across + 1))
    form = generator.integers(3)
    if form == 0:
        canvas[y : y + down] = 1
    elif form == 1:
        canvas[y : y + down, x : x + across] = 1
    else:
        cv2.ellipse(canvas, (x + across // 2, y + down // 2), (across // 2, down // 2), 0, 0, 360, (1,), -1)
    first, second = (random_colour(generator) for _ in range(2))
    if generator.random() < 0.5:
        second = first
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    colour = first * (1 - ramp) + second * ramp
    opacity = np.float32(1 if generator.random() < 0.6 else generator.uniform(0.4, 0.9))
    alpha = canvas[:, :, None] * opacity
    mixed: Image = np.clip(np.rint(image * (1 - alpha) + colour * alpha), 0, 255).astype(np.uint8)
    return mixed, canvas > 0


def with_words(image: Image, generator: np.random.Generator) -> Image:
    """One to five words somewhere, light on dark or dark on light."""
    words = " ".join(str(word) for word in generator.choice(WORDS, int(generator.integers(1, 6)), replace=False))
    letters = draw_letters(words, (image.shape[0], image.shape[1]), generator)[:, :, None]
    below = image[letters[:, :, 0] > 0.3]
    dark = bool(below.size) and below.mean() > 127
    value = generator.uniform(0, 0.3) if dark else generator.uniform(0.8, 1)
    ink = np.array(colour_of(generator.uniform(0, 360), generator.choice([0, 0.8]), value), np.float32)
    mixed: Image = np.clip(np.rint(image * (1 - letters) + ink * letters), 0, 255).astype(np.uint8)
    return mixed


def random_colour(generator: np.random.Generator) -> NDArray[np.float32]:
    """RGB, 0-255."""
    hue, saturation, value = generator.uniform(0, 360), generator.uniform(0, 1), generator.uniform(0.1, 1)
    return np.array(colour_of(hue, saturation, value), np.float32)
