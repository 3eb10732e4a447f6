"""Replacement: a region's place is taken by something from another photograph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imlbench.masks import bounding_box
from imlbench.synthesis.blending import blend, draw_feather, feathered, fit_colours, grown
from imlbench.synthesis.filling import fill
from imlbench.synthesis.kinds.pieces import LARGEST_FACTOR, Piece, warped
from imlbench.synthesis.scene import Edit, draw_region
from imlbench.synthesis.words import region_concept, sentence

if TYPE_CHECKING:
    import numpy as np

    from imlbench.samples import Mask
    from imlbench.synthesis.scene import Region, Scene, View


def replace(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """Half of the time within the region's own outline, else another object over its filled place."""
    region = scene.region(generator)
    if region is None:
        return None
    donor = scene.donor()
    other = draw_region(donor, generator, scene.recipe.objects, (0.01, 0.6))
    same_outline = region.noun is None or generator.random() < 0.5
    made = (
        inside_outline(scene, region, donor, generator)
        if same_outline
        else over_filling(scene, region, donor, other, generator)
    )
    if made is None:
        return None
    image, mask = made
    before = region_concept(region, generator)
    after = (covering(donor, region.mask) if same_outline else other.noun) or "something else"
    words = sentence("replace", generator, original=before, edited=after)
    return Edit(image, mask, "replace", before, after, words)


def inside_outline(
    scene: Scene, region: Region, donor: View, generator: np.random.Generator
) -> tuple[np.ndarray, Mask] | None:
    """What another photograph shows, seen through the region's outline."""
    strength = float(generator.uniform(0.2, 1.0)) if generator.random() < 0.7 else 0.0
    fitted = fit_colours(donor.image, region.mask, scene.image, region.mask, strength)
    return blend(scene.image, fitted, feathered(grown(region.mask, 1), draw_feather(generator)))


def covering(donor: View, mask: Mask) -> str | None:
    """Name of the donor's object that fills at least half of the mask; None where none does."""
    shares = [(float(one.mask[mask].mean()), one.name) for one in donor.instances]
    share, name = max(shares, default=(0.0, ""))
    return name if share >= 0.5 else None


def over_filling(
    scene: Scene, region: Region, donor: View, other: Region, generator: np.random.Generator
) -> tuple[np.ndarray, Mask] | None:
    """The region is removed and another object set in its place; the mask holds both."""
    piece = in_place(region.mask, donor, other, generator)
    if piece is None or (piece.mask & scene.taken).any():
        return None
    hole = grown(region.mask, int(generator.integers(2, 7)))
    feather = draw_feather(generator)
    emptied, mask = blend(
        scene.image, fill(scene.image, grown(hole, round(2 * feather)), generator), feathered(hole, feather)
    )
    strength = float(generator.uniform(0.1, 0.8)) if generator.random() < 0.6 else 0.0
    content = fit_colours(piece.pixels, piece.mask, scene.image, region.mask, strength)
    image, added = blend(emptied, content, feathered(piece.mask, draw_feather(generator)))
    return image, mask | added


def in_place(target: Mask, donor: View, other: Region, generator: np.random.Generator) -> Piece | None:
    """The other object, about as large as the target and upon it."""
    rows, columns = bounding_box(target)
    from_rows, from_columns = bounding_box(other.mask)
    ratio = float(target.sum()) / float(other.mask.sum()) * generator.uniform(0.7, 1.3)
    factor = min(math.sqrt(ratio), LARGEST_FACTOR)
    middle = ((from_columns.start + from_columns.stop) / 2, (from_rows.start + from_rows.stop) / 2)
    place = ((columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2)
    flip = -1.0 if generator.random() < 0.5 else 1.0
    transform = (factor, float(generator.normal(0, 4)), flip)
    return warped(donor.image, other.mask, (target.shape[0], target.shape[1]), transform, middle, place)
