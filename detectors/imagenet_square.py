"""The most usual way to show a network a picture: resized to a square, with ImageNet's statistics.

It is the authors' own way where they train and test with IMDL-BenCo's loader, and that loader's way with networks whose
authors have another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from detectors.network_detector import SquareDetector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.arrays import Planes
    from imlbench.samples import Image


class ImageNetSquare(SquareDetector):
    """Red, green, blue at `side` x `side`; maps are brought to the picture's size, while IMDL-BenCo scores the square.

    Attributes:
        side: of the network's square, in pixels.
    """

    side: ClassVar[int] = 512

    @classmethod
    def prepared(cls, pixels: Image) -> Planes:
        from detectors.arrays import imagenet_planes, resized_pixels

        return imagenet_planes(resized_pixels(pixels, cls.side, cls.side))

    @classmethod
    def finished(cls, scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
        from detectors.arrays import resized_map

        brought: NDArray[np.float32] = resized_map(scores, *shape)
        return brought
