"""What TruFor is shown, by its authors' test script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.arrays import mirrored, planes

if TYPE_CHECKING:
    from detectors.arrays import Planes
    from imlbench.samples import Image

LEAST = 32
"""Pixels of the shorter side below which the network's attention has nothing to shrink."""


def official_input(pixels: Image) -> Planes:
    """Red, green, blue / 256 at the picture's own size: 3 x H x W, float32.

    ImageNet's statistics are a step within the network, on the colours alone: the noise print is taken from these
    values. A picture of less than 32 pixels on a side, which the authors do not speak of, is continued by its mirror
    image at the bottom and the right.
    """
    return planes(mirrored(pixels, LEAST)) / np.float32(256)
