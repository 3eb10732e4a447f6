"""What websites and editors do to an image besides the edit, drawn anew each time a pair is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from imlbench.synthesis.encodings import degraded, draw_steps
from imlbench.synthesis.recipe import Recipe, SideRecipe

if TYPE_CHECKING:
    from imlbench.samples import Image

EDITED = SideRecipe(
    untouched=0.1, resize=0.3, tone=0.3, blur=0.5, sharpen=0.08, noise=0.25, shift=0, warp=0, jpeg=0.55, webp=0.2
)
ORIGINAL = replace(EDITED, untouched=0.6, blur=0.3)
"""Nothing that moves pixels: the mask would have to move with them."""
RECIPE = Recipe(noise_deviation=(0.8, 10.0), blur_deviation=(0.3, 5.0), jpeg_quality=(20.0, 98.0))


def degraded_pair(original: Image, edited: Image, generator: np.random.Generator) -> tuple[Image, Image]:
    """Both images, each degraded on its own.

    Args:
        original: h x w x 3, uint8.
        edited: likewise.
        generator: the pair's own.
    """
    sides = ((original, ORIGINAL), (edited, EDITED))
    first, second = (
        degraded(np.ascontiguousarray(image), draw_steps(RECIPE, shares, "", generator)) for image, shares in sides
    )
    return first, second
