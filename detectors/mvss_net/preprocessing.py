"""What MVSS-Net is shown and how its answer is read, by its authors' inference script.

The authors read images with OpenCV and never swap the channels: ImageNet's statistics, which are given for red, green,
blue, are applied to blue, green, red, and the network's own grey conversion counts on that order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.arrays import imagenet_planes, resized_map, resized_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.arrays import Planes
    from imlbench.samples import Image

SIDE = 512


def official_input(pixels: Image) -> Planes:
    """Blue, green, red at 512 x 512 with ImageNet's statistics: 3 x 512 x 512, float32."""
    return imagenet_planes(resized_pixels(pixels, SIDE, SIDE)[..., ::-1])


def official_map(scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Cut to 8 bits, then brought to the picture's size: uint8 levels, `shape`.

    Args:
        scores: 512 x 512, float32 in [0, 1].
        shape: (height, width).
    """
    levels: NDArray[np.uint8] = resized_map((scores * 255).astype(np.uint8), *shape)
    return levels
