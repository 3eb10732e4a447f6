"""What IML-ViT is shown and how its answer is read.

By its authors: padded with black at the bottom and the right to 1024 x 1024, then ImageNet's statistics; larger images
are shrunk to a longer side of 1024 first (their answer to issue 4 of the repository). IMDL-BenCo pads alike and cuts
larger images off, which loses what lies beyond; that is not repeated here, so that its checkpoints share this way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.arrays import imagenet_planes, resized_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.arrays import Planes
    from imlbench.samples import Image

SIDE = 1024


def shown_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of what of the square is picture: its own size, or shrunk to a longer side of 1024."""
    height, width = shape[:2]
    longer = max(height, width)
    if longer <= SIDE:
        return height, width
    return max(1, round(height * SIDE / longer)), max(1, round(width * SIDE / longer))


def official_input(pixels: Image) -> Planes:
    """Red, green, blue in the upper left of black, with ImageNet's statistics: 3 x 1024 x 1024, float32."""
    height, width = shown_size(pixels.shape)
    shown = pixels
    if (height, width) != pixels.shape[:2]:
        shown = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    square[:height, :width] = shown
    return imagenet_planes(square)


def official_map(scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Without the padding, at the picture's size: float32, `shape`.

    Args:
        scores: 1024 x 1024, float32 in [0, 1].
        shape: (height, width).
    """
    height, width = shown_size(shape)
    cut = np.ascontiguousarray(scores[:height, :width])
    brought: NDArray[np.float32] = resized_map(cut, *shape)
    return brought
