"""Background change: all that is not the object becomes another scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imlbench.synthesis.blending import blend, draw_feather, feathered
from imlbench.synthesis.kinds.textures import noise
from imlbench.synthesis.scene import Edit, Region
from imlbench.synthesis.shapes import grabcut, superpixels
from imlbench.synthesis.words import HUES, colour_of, sentence, with_article

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.synthesis.scene import Scene

SEGMENTS = (grabcut, superpixels)
FOREGROUND = (0.08, 0.7)
"""Share of the image that the objects in front may have."""


def change_background(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """Everything outside an object, or outside all large ones, is replaced; the mask is that outside."""
    region = foreground(scene, generator)
    if region is None or (~region.mask & scene.taken).any():
        return None
    words, content = draw_backdrop(scene, generator)
    alpha = feathered(~region.mask, draw_feather(generator))
    image, mask = blend(scene.image, content, alpha)
    concept = region.noun or "subject"
    text = sentence("background", generator, original=concept, quality=with_article(words))
    return Edit(image, mask, "replace", "background", words, text)


def foreground(scene: Scene, generator: np.random.Generator) -> Region | None:
    """What stays: all objects together half of the time, else one, else a segment of the image."""
    if scene.view.instances:
        together = np.any([instance.mask for instance in scene.view.instances], axis=0)
        if FOREGROUND[0] <= together.mean() <= FOREGROUND[1] and generator.random() < 0.5:
            return Region(together, "people" if {i.name for i in scene.view.instances} == {"person"} else "subject")
        fitting = [one for one in scene.view.instances if FOREGROUND[0] <= one.mask.mean() <= FOREGROUND[1]]
        if fitting:
            instance = fitting[generator.integers(len(fitting))]
            return Region(instance.mask, instance.name)
    # An outline that follows nothing in the image is no subject: only segments are.
    mask = SEGMENTS[generator.integers(2)](scene.image, generator, float(generator.uniform(0.15, 0.5)))
    return Region(mask) if FOREGROUND[0] <= mask.mean() <= FOREGROUND[1] else None


def draw_backdrop(scene: Scene, generator: np.random.Generator) -> tuple[str, NDArray[np.float32]]:
    """A backdrop's words and its pixels, H x W x 3 float32, 0-255."""
    height, width = scene.image.shape[:2]
    draw = generator.random()
    if draw < 0.6:
        donor: NDArray[Any] = scene.donor().image.astype(np.float32)
        if generator.random() < 0.3:
            donor = cv2.GaussianBlur(donor, (0, 0), max(height, width) * float(generator.uniform(0.004, 0.02)))
        return "different scene", donor
    name = tuple(HUES)[generator.integers(len(HUES))]
    first = np.array(colour_of(HUES[name], generator.uniform(0.2, 0.8), generator.uniform(0.5, 1)), np.float32)
    if draw < 0.75:
        return f"plain {name} backdrop", np.broadcast_to(first, (height, width, 3)).astype(np.float32)
    second = np.array(colour_of(HUES[name], generator.uniform(0, 0.4), generator.uniform(0.3, 1)), np.float32)
    slope = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    field = slope if draw < 0.88 else noise((height, width), generator, float(generator.uniform(2, 6)))
    mix = np.broadcast_to(field, (height, width))[:, :, None]
    backdrop = first * (1 - mix) + second * mix
    return f"{name} {'gradient' if draw < 0.88 else 'haze'}", backdrop.astype(np.float32)
