"""What PSCC-Net is shown, by its authors' test script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.arrays import planes

if TYPE_CHECKING:
    from detectors.arrays import Planes
    from imlbench.samples import Image


def official_input(pixels: Image) -> Planes:
    """Red, green, blue / 255 at the picture's own size, neither mean nor deviation: 3 x H x W, float32."""
    return planes(pixels) / np.float32(255)
