"""Repainting: a region is painted anew with its like, as an inpainting model does that is asked for the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.masks import bounding_box
from imlbench.synthesis.blending import blend, draw_feather, feathered, grown, visible
from imlbench.synthesis.filling import grain
from imlbench.synthesis.kinds.textures import noise
from imlbench.synthesis.scene import Edit
from imlbench.synthesis.words import region_concept, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask
    from imlbench.synthesis.scene import Scene

LEAST_CHANGE = 8.0


def repaint(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """The region's content bent, its detail smoothed and drawn anew, its colours shifted a little."""
    region = scene.region(generator)
    if region is None:
        return None
    bent = bend(scene.image, region.mask, generator)
    painted = repainted(bent, region.mask, generator)
    outline = grown(region.mask, int(generator.integers(0, 5)))
    image, mask = blend(scene.image, painted, feathered(outline, draw_feather(generator)))
    if not visible(scene.image, image, mask, LEAST_CHANGE):
        return None
    concept = region_concept(region, generator)
    after = f"different {concept}"
    return Edit(image, mask, "replace", concept, after, sentence("replace", generator, original=concept, edited=after))


def bend(image: Image, mask: Mask, generator: np.random.Generator) -> Image:
    """The image under a smooth random displacement of up to a third of the region's extent, at times mirrored."""
    rows, columns = bounding_box(mask)
    height, width = mask.shape
    reach = min(rows.stop - rows.start, columns.stop - columns.start) * generator.uniform(0.08, 0.3)
    cells = max(2.0, max(height, width) / max(reach, 4.0) * generator.uniform(0.3, 0.8))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if generator.random() < 0.4:
        x = np.clip(columns.start + columns.stop - 1 - x, 0, width - 1)
    across = (noise((height, width), generator, min(cells, 24.0)) - 0.5) * np.float32(2 * reach)
    down = (noise((height, width), generator, min(cells, 24.0)) - 0.5) * np.float32(2 * reach)
    return cv2.remap(image, x + across, y + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[return-value]


def repainted(image: Image, mask: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """H x W x 3 float32: edges kept and detail smoothed away, then gain, tint and grain drawn anew."""
    values = image.astype(np.float32)
    if generator.random() < 0.5:
        values = cv2.bilateralFilter(image, 7, float(generator.uniform(20, 70)), 5).astype(np.float32)
    values = values * generator.normal(1, 0.1, 3).astype(np.float32) + np.float32(generator.normal(0, 10))
    if generator.random() < 0.5:
        values = values + grain(image, mask, generator)
    return values
