"""Copy-move: a part of the image is set into it a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imlbench.synthesis.blending import blend, draw_feather, feathered, fit_colours, grown
from imlbench.synthesis.kinds.pieces import set_piece
from imlbench.synthesis.scene import Edit
from imlbench.synthesis.words import place_words, region_concept, sentence

if TYPE_CHECKING:
    import numpy as np

    from imlbench.synthesis.scene import Scene

LARGEST = 0.25


def copy_move(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """A region's copy, sometimes scaled, set elsewhere; only the copy counts as edited, not what it was taken from."""
    low, high = scene.recipe.area
    region = scene.region(generator, (low, max(low, min(LARGEST, high))))
    if region is None:
        return None
    height, width = scene.image.shape[:2]
    scale = float(generator.uniform(0.6, 1.5)) if generator.random() < 0.5 else 1.0
    area = float(region.mask.mean()) * scale**2
    piece = set_piece(scene.image, region.mask, (height, width), area, generator)
    if piece is None or (piece.mask & scene.taken).any():
        return None
    # Upon itself a copy is no second one.
    if (piece.mask & region.mask).sum() > 0.2 * piece.mask.sum():
        return None
    around = grown(piece.mask, 8) & ~piece.mask
    strength = float(generator.uniform(0.1, 0.6)) if generator.random() < 0.3 else 0.0
    content = fit_colours(piece.pixels, piece.mask, scene.image, around, strength)
    image, mask = blend(scene.image, content, feathered(piece.mask, draw_feather(generator)))
    if not mask.any():
        return None
    concept = region_concept(region, generator)
    noun = region.noun or concept.split(" ")[0]
    words = sentence("duplicate", generator, original=concept, edited=noun, where=place_words(mask))
    return Edit(image, mask, "add", None, noun, words)
