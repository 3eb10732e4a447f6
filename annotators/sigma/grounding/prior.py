"""Items 6 and 7 of the specification: instances merged, brought to the lattice, smoothed, fused by the action."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from annotators.sigma.grounding.contract import checked_maps, no_maps
from imlbench.images import resize_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from annotators.sigma.grounding.contract import Grounder, Maps
    from annotators.sigma.parse import Parse
    from imlbench.samples import Image

VERSION = "1"
"""Changes whenever a prior may change; part of its key in the cache."""
EPSILON = 0.01
"""Floor of the attention (inferred)."""
LATTICE = (37, 37)
"""Rows and columns of DINOv2's patches at 518 x 518."""
WORKING_SIDE = 1333
"""Pixels of the longer side beyond which grounders get a smaller copy: no detector looks closer, and
the maps of many instances at full size would not fit into memory."""


class Found(NamedTuple):
    """What a grounder found on both sides: K x h x w float32 in [0, 1] each, K may be 0."""

    original: Maps
    edited: Maps


def find(parse: Parse, original: Image, edited: Image, grounder: Grounder) -> Found:
    """Look for each present concept in its own image; the grounder is not asked for an absent one.

    Args:
        parse: what the instruction means.
        original: H x W x 3, uint8, RGB.
        edited: H x W x 3, uint8, RGB; its size may differ.
        grounder: asked once per concept.

    Raises:
        ValueError: the grounder's answer is not what its contract says.
    """
    return Found(find_one(parse.original, original, grounder), find_one(parse.edited, edited, grounder))


def find_one(concept: str | None, image: Image, grounder: Grounder) -> Maps:
    """Maps of one concept, at the size of `working_copy(image)`."""
    copy = working_copy(image)
    if concept is None:
        return no_maps(copy)
    return checked_maps(grounder.maps(copy, concept), copy, grounder.identity)


def working_copy(image: Image) -> Image:
    """The image itself, or a copy whose longer side is `WORKING_SIDE` where it is larger."""
    scale = WORKING_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    return resize_image(image, (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))))


def merged(maps: Maps) -> NDArray[np.float32]:
    """The instances' maximum, h x w; all zero where there is none."""
    # A maximum over no instance starts from zero.
    peak: NDArray[np.float32] = np.max(maps, axis=0, initial=0).astype(np.float32, copy=False)
    return peak


def prior(
    parse: Parse, found: Found, lattice: tuple[int, int] = LATTICE, epsilon: float = EPSILON
) -> NDArray[np.float32]:
    """Action-conditioned spatial fusion of what was found.

    A = (1 - epsilon) max_k S_k + epsilon per side, on the lattice, then `network.fusion.fuse`. Where nothing at all was
    found nothing is known, and the prior is the constant epsilon whatever the action, not the
    square of it (inferred).

    Returns:
        Of the lattice's shape, float32 in (0, 1].
    """
    import torch

    from annotators.sigma.network.fusion import fuse

    if not len(found.original) and not len(found.edited):
        return np.full(lattice, epsilon, np.float32)
    sides = [torch.from_numpy(attention(maps, lattice, epsilon))[None, None] for maps in found]
    fused: NDArray[np.float32] = fuse([parse.action], sides[0], sides[1], epsilon)[0, 0].numpy()
    return fused


def attention(maps: Maps, lattice: tuple[int, int], epsilon: float) -> NDArray[np.float32]:
    """Attention of one concept on the lattice: in [epsilon, 1], the constant epsilon where there is no instance."""
    import torch
    from torch.nn import functional

    if not len(maps):
        return np.full(lattice, epsilon, np.float32)
    peak = torch.from_numpy(merged(maps))[None, None]
    small = functional.interpolate(peak, lattice, mode="bilinear", align_corners=False, antialias=True)[0, 0]
    # The filter's weights add up to one only within rounding.
    smooth: NDArray[np.float32] = ((1 - epsilon) * small.clamp(0, 1) + epsilon).clamp(epsilon, 1).numpy()
    return smooth


def compute_prior(
    parse: Parse,
    original: Image,
    edited: Image,
    grounder: Grounder,
    lattice: tuple[int, int] = LATTICE,
    epsilon: float = EPSILON,
) -> NDArray[np.float32]:
    """The prior of a pair: `find`, then `prior`."""
    return prior(parse, find(parse, original, edited, grounder), lattice, epsilon)
