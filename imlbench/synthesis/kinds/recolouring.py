"""Recolouring: hue, saturation or brightness of a region; its detail stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.synthesis.blending import blend, draw_feather, feathered, visible
from imlbench.synthesis.scene import Edit
from imlbench.synthesis.words import HUES, region_concept, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask
    from imlbench.synthesis.scene import Scene

LEAST_CHANGE = 14.0
"""Mean change in grey levels below which nobody would call a region recoloured."""


def recolour(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """An object or a shape takes another colour, or becomes darker, brighter, grey."""
    region = scene.region(generator)
    if region is None:
        return None
    if generator.random() < 0.7:
        name = tuple(HUES)[generator.integers(len(HUES))]
        content = towards_hue(scene.image, region.mask, HUES[name], generator)
    else:
        name = tuple(TONES)[generator.integers(len(TONES))]
        content = TONES[name](scene.image.astype(np.float32), generator)
    image, mask = blend(scene.image, content, feathered(region.mask, draw_feather(generator)))
    if not visible(scene.image, image, mask, LEAST_CHANGE):
        return None
    concept = region_concept(region, generator)
    words = sentence("attribute", generator, original=concept, quality=name)
    return Edit(image, mask, "attribute change", concept, f"{name} {concept}", words)


def towards_hue(image: Image, mask: Mask, hue: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """H x W x 3 float32: the image with the region's middle hue at `hue` (degrees), light and shade kept."""
    hsv = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    vivid = mask & (hsv[:, :, 1] > 0.15)
    angle = np.deg2rad(hsv[:, :, 0][vivid if vivid.any() else mask])
    # A mean on the circle: 359 and 1 degree are neighbours.
    middle = float(np.rad2deg(np.arctan2(np.sin(angle).mean(), np.cos(angle).mean())))
    variation = (hsv[:, :, 0] - middle + 180) % 360 - 180
    hsv[:, :, 0] = (hue + np.clip(variation * generator.uniform(0, 0.6), -25, 25) * (hsv[:, :, 1] > 0.2)) % 360
    floor = generator.uniform(0.15, 0.6)
    hsv[:, :, 1] = np.clip(np.maximum(hsv[:, :, 1] * generator.uniform(0.8, 1.5), floor), 0, 1)
    hsv[:, :, 2] = np.clip(hsv[:, :, 2] * generator.uniform(0.85, 1.2), 0, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32) * 255


def grey(pixels: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Without colour."""
    luma = cv2.cvtColor(pixels / 255, cv2.COLOR_RGB2GRAY)[:, :, None] * 255
    return np.repeat(luma * np.float32(generator.uniform(0.8, 1.15)), 3, axis=2)


def darker(pixels: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Values scaled down."""
    return pixels * np.float32(generator.uniform(0.3, 0.65))


def brighter(pixels: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Values scaled towards white."""
    return 255 - (255 - pixels) * np.float32(generator.uniform(0.35, 0.7))


TONES = {
    "grey": grey,
    "darker": darker,
    "black": lambda p, g: darker(grey(p, g), g) * np.float32(0.6),
    "white": (lambda p, g: brighter(grey(p, g), g)),
    "brighter": brighter,
}
