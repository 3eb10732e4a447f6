"""What SparseViT is shown and how its answer is read. Its authors test with IMDL-BenCo's loader: there is one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.arrays import imagenet_planes, resized_map, resized_pixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.arrays import Planes
    from imlbench.samples import Image

SIDE = 512


def official_input(pixels: Image) -> Planes:
    """Red, green, blue at 512 x 512 with ImageNet's statistics: 3 x 512 x 512, float32."""
    return imagenet_planes(resized_pixels(pixels, SIDE, SIDE))


def official_map(scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Brought to the picture's size: float32, `shape`. The authors score at 512 x 512.

    Args:
        scores: 512 x 512, float32 in [0, 1].
        shape: (height, width).
    """
    brought: NDArray[np.float32] = resized_map(scores, *shape)
    return brought
