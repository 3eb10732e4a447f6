"""Removal: a region is filled with what lies around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imlbench.synthesis.blending import blend, draw_feather, feathered, grown
from imlbench.synthesis.filling import fill
from imlbench.synthesis.scene import Edit
from imlbench.synthesis.words import region_concept, sentence

if TYPE_CHECKING:
    import numpy as np

    from imlbench.synthesis.scene import Scene

LARGEST = 0.4
"""Holes above this share of the image have too little around them to be filled from."""


def remove(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """An object, drawn generously, or a shape is removed."""
    region = scene.region(
        generator, (scene.recipe.area[0], max(scene.recipe.area[0], min(LARGEST, scene.recipe.area[1])))
    )
    if region is None:
        return None
    # An object's rim and its reflections reach beyond its outline.
    margin = int(generator.integers(2, 9)) if region.noun else 0
    hole = grown(region.mask, round(margin * max(scene.image.shape) / 512))
    feather = draw_feather(generator)
    alpha = feathered(hole, feather)
    filled = fill(scene.image, grown(hole, round(2 * feather)), generator)
    image, mask = blend(scene.image, filled, alpha)
    concept = region_concept(region, generator)
    return Edit(image, mask, "remove", concept, None, sentence("remove", generator, original=concept))
