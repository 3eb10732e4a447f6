"""Object Jitter, version 1 variant: an annotated object is enlarged a little where it stands.

After the stage of that name in the first published version of CAAA's synthesis, from a description of its numbers; what
the second version (arXiv 2508.20987) does is not published. How often a second object follows and what a feather's
"3 to 11" counts (pixels of the Gaussian's kernel) are this project's reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from imlbench.masks import bounding_box
from imlbench.synthesis.blending import blend
from imlbench.synthesis.kinds.pieces import Piece, warped
from imlbench.synthesis.scene import Edit, Region
from imlbench.synthesis.words import region_concept, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask
    from imlbench.synthesis.polygons import Instance
    from imlbench.synthesis.scene import Scene

SMALLEST_SIDE = 8
"""Pixels of an object's box, either side."""
SMALLEST_AREA = 256
"""Pixels of an object."""
FACTOR = 1.125
"""Of an object's sides, about the middle of its box."""
LARGEST_SHARE = 0.75
"""Of the image; where more would be marked, there is no edit."""
FEATHERED = 0.2
"""Share of pastes with a soft edge."""
KERNELS = (3, 5, 7, 9, 11)
"""Sides of the Gaussian's kernel in pixels; OpenCV's deviation for them is 0.8 to 2."""
SECOND = 0.3
"""Share of edits that enlarge a second object, where there is one apart from the first."""


class Enlarged(NamedTuple):
    """One object enlarged.

    Attributes:
        name: of the object's class.
        before: H x W bool, the object as it was.
        piece: the object as it is pasted.
    """

    name: str
    before: Mask
    piece: Piece


def jitter_objects(scene: Scene, generator: np.random.Generator) -> Edit | None:
    """One object, sometimes two, enlarged by an eighth; all of the enlarged object counts as edited."""
    image, marked, made = scene.image, np.zeros_like(scene.taken), list[Enlarged]()
    for _ in range(2 if generator.random() < SECOND else 1):
        one = draw_object(image, scene.view.instances, scene.taken | marked, generator)
        if one is None:
            break
        image = blend(image, one.piece.pixels, opacity(one.piece.mask, generator))[0]
        marked, made = marked | one.piece.mask, [*made, one]
    if not made or marked.mean() > LARGEST_SHARE:
        return None
    return Edit(image, marked, "attribute change", *words(made, generator))


def draw_object(
    image: Image, instances: Sequence[Instance], taken: Mask, generator: np.random.Generator
) -> Enlarged | None:
    """An object of the stated size, enlarged, that touches nothing taken; None where there is none.

    Args:
        image: H x W x 3, uint8.
        instances: the image's objects.
        taken: H x W bool, what was edited before.
        generator: which one.
    """
    fitting = [instance for instance in instances if large_enough(instance.mask)]
    for index in generator.permutation(len(fitting)):
        name, mask = fitting[index].name, fitting[index].mask
        piece = enlarged(image, mask)
        if piece is not None and not ((piece.mask | mask) & taken).any():
            return Enlarged(name, mask, piece)
    return None


def large_enough(mask: Mask) -> bool:
    """Whether an object's box has at least 8 pixels a side, and the object 256."""
    if int(mask.sum()) < SMALLEST_AREA:
        return False
    rows, columns = bounding_box(mask)
    return bool(min(rows.stop - rows.start, columns.stop - columns.start) >= SMALLEST_SIDE)


def enlarged(image: Image, mask: Mask) -> Piece | None:
    """The object and its surroundings, enlarged about the middle of its box; what leaves the frame is cut off."""
    rows, columns = bounding_box(mask)
    # Pixels are counted by their middles: a box from 0 to 8 has its middle at 3.5.
    middle = ((columns.start + columns.stop - 1) / 2, (rows.start + rows.stop - 1) / 2)
    return warped(image, mask, (mask.shape[0], mask.shape[1]), (FACTOR, 0.0, 1.0), middle, middle)


def opacity(mask: Mask, generator: np.random.Generator) -> NDArray[np.float32]:
    """H x W float32 in [0, 1]: the mask, its edge softened one time in five."""
    hard = mask.astype(np.float32)
    if generator.random() >= FEATHERED:
        return hard
    side = KERNELS[generator.integers(len(KERNELS))]
    return cv2.GaussianBlur(hard, (side, side), 0, borderType=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def words(made: Sequence[Enlarged], generator: np.random.Generator) -> tuple[str, str, str]:
    """What the edit concerns, what it leaves, and the command for it."""
    concepts = dict.fromkeys(region_concept(Region(one.before, one.name), generator) for one in made)
    concept = " and ".join(concepts)
    return concept, f"larger {concept}", sentence("size", generator, original=concept)
