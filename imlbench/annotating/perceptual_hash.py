"""A hash under which an image and its copies of other size, quality or format differ in few bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from imlbench.samples import Image

SIDE = 32
KEPT = 8


def perceptual_hash(image: Image) -> str:
    """64 bits as 16 hexadecimal digits.

    The grey at 32 x 32 pixels is transformed by the two-dimensional DCT-II; of the 8 x 8 lowest frequencies, row by row
    and the constant one first, a bit says whether the coefficient is above the median of the other 63. An image of
    one colour has 0 or 1 bit set.

    Args:
        image: H x W x 3, uint8, RGB; a small copy does.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    # Rounded: what is zero but for the arithmetic's rounding must not be above a median of zero.
    lowest = cv2.dct(small)[:KEPT, :KEPT].round(2).reshape(-1)
    median = np.sort(lowest[1:])[lowest.size // 2 - 1]
    return np.packbits(lowest > median).tobytes().hex()
