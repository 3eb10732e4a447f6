"""Retexturing: a region is covered with another surface, under the region's own light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.synthesis.blending import blend, draw_feather, feathered, fit_colours
from imlbench.synthesis.kinds.textures import draw_texture
from imlbench.synthesis.scene import Edit
from imlbench.synthesis.words import region_concept, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image
    from imlbench.synthesis.scene import Scene


def retexture(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """Half of the time a computed surface, else a patch of another photograph, repeated mirrored."""
    region = scene.region(generator)
    if region is None:
        return None
    height, width = scene.image.shape[:2]
    if generator.random() < 0.5:
        name, cover = draw_texture((height, width), generator)
    else:
        name, patch = "a different texture", tiled(scene.donor().image, (height, width), generator)
        strength = float(generator.uniform(0, 0.7))
        cover = fit_colours(patch, region.mask, scene.image, region.mask, strength)
    lit = cover * shading(scene.image, generator)
    opacity = np.float32(generator.uniform(0.75, 1.0))
    content = scene.image * (1 - opacity) + lit * opacity
    image, mask = blend(scene.image, content.astype(np.float32), feathered(region.mask, draw_feather(generator)))
    concept = region_concept(region, generator)
    words = sentence("material", generator, original=concept, quality=name)
    return Edit(image, mask, "attribute change", concept, f"{concept} with {name}", words)


def shading(image: Image, generator: np.random.Generator) -> NDArray[np.float32]:
    """H x W x 1 factors around 1: the image's light and shade, blurred, more or less strong."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) + 8
    light = cv2.GaussianBlur(luma, (0, 0), max(image.shape) / 64)
    factors = (light / light.mean()) ** np.float32(generator.uniform(0, 0.8))
    bounded: NDArray[np.float32] = np.clip(factors, 0.3, 2.0)[:, :, None].astype(np.float32)
    return bounded


def tiled(image: Image, size: tuple[int, int], generator: np.random.Generator) -> Image:
    """A random patch of the image, repeated mirrored to (height, width)."""
    height, width = image.shape[:2]
    side = int(generator.integers(max(8, min(height, width) // 8), max(9, min(height, width) // 2)))
    x, y = int(generator.integers(0, width - side + 1)), int(generator.integers(0, height - side + 1))
    patch = image[y : y + side, x : x + side]
    return np.pad(patch, ((0, max(0, size[0] - side)), (0, max(0, size[1] - side)), (0, 0)), mode="symmetric")[
        : size[0], : size[1]
    ]
