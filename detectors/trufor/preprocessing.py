"""What TruFor is shown, by its authors' test script and by IMDL-BenCo's loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.arrays import imagenet_planes, mirrored, planes, resized_map, resized_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.arrays import Planes
    from imlbench.samples import Image

LEAST = 32
"""Pixels of the shorter side below which the network's attention has nothing to shrink."""
BENCO_SIDE = 512


def official_input(pixels: Image) -> Planes:
    """Red, green, blue / 256 at the picture's own size: 3 x H x W, float32.

    ImageNet's statistics are a step within the network, on the colours alone: the noise print is taken from these
    values. A picture of less than 32 pixels on a side, which the authors do not speak of, is continued by its mirror
    image at the bottom and the right.
    """
    return planes(mirrored(pixels, LEAST)) / np.float32(256)


def benco_input(pixels: Image) -> Planes:
    """Red, green, blue at 512 x 512 with ImageNet's statistics, which the network then applies once more."""
    return imagenet_planes(resized_pixels(pixels, BENCO_SIDE, BENCO_SIDE))


def benco_map(scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Brought to the picture's size: float32, `shape`. IMDL-BenCo itself scores at 512 x 512."""
    brought: NDArray[np.float32] = resized_map(scores, *shape)
    return brought
