"""Insertion: something cut from another photograph is set into the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imlbench.synthesis.blending import blend, draw_feather, feathered, fit_colours, grown
from imlbench.synthesis.kinds.pieces import set_piece
from imlbench.synthesis.scene import Edit, draw_region
from imlbench.synthesis.shapes import draw_area
from imlbench.synthesis.words import VAGUE, place_words, sentence

if TYPE_CHECKING:
    import numpy as np

    from imlbench.synthesis.scene import Scene

LARGEST = 0.35


def insert(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """An object of another photograph, or a piece of it, at any place, size and turn; colours fitted at times."""
    donor = scene.donor()
    low, high = scene.recipe.area
    region = draw_region(donor, generator, scene.recipe.objects, (0.01, 0.5))
    area = draw_area(generator, (low, max(low, min(LARGEST, high))))
    height, width = scene.image.shape[:2]
    piece = set_piece(donor.image, region.mask, (height, width), area, generator)
    if piece is None or (piece.mask & scene.taken).any():
        return None
    strength = float(generator.uniform(0.2, 0.9)) if generator.random() < 0.5 else 0.0
    around = grown(piece.mask, max(4, round(max(height, width) / 16))) & ~piece.mask
    content = fit_colours(piece.pixels, piece.mask, scene.image, around, strength)
    image, mask = blend(scene.image, content, feathered(piece.mask, draw_feather(generator)))
    if not mask.any():
        return None
    concept = region.noun or VAGUE[generator.integers(len(VAGUE))]
    words = sentence("add", generator, edited=concept, where=place_words(mask))
    return Edit(image, mask, "add", None, concept, words)
