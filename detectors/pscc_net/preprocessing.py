"""What PSCC-Net is shown, by its authors' test script and by IMDL-BenCo's loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.arrays import imagenet_planes, planes, resized_map, resized_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.arrays import Planes
    from imlbench.samples import Image

BENCO_SIDE = 256


def official_input(pixels: Image) -> Planes:
    """Red, green, blue / 255 at the picture's own size, neither mean nor deviation: 3 x H x W, float32."""
    return planes(pixels) / np.float32(255)


def benco_input(pixels: Image) -> Planes:
    """Red, green, blue at 256 x 256 with ImageNet's statistics: 3 x 256 x 256, float32."""
    return imagenet_planes(resized_pixels(pixels, BENCO_SIDE, BENCO_SIDE))


def benco_map(scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Brought to the picture's size: float32, `shape`. IMDL-BenCo itself scores at 256 x 256."""
    brought: NDArray[np.float32] = resized_map(scores, *shape)
    return brought
