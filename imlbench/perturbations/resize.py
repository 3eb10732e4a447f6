"""Resampling: what a change of size and back leaves of the detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imlbench.errors import UserError
from imlbench.perturb import Perturbation
from imlbench.perturbations.common import check_pixels, own_card

if TYPE_CHECKING:
    import numpy as np

    from imlbench.samples import Image

SMALLEST, LARGEST = 0.1, 4.0
MAX_PIXELS = 1 << 26
"""The enlarged image stays within the limit of images that are read."""


class Resize(Perturbation):
    """Scaled by a factor and back to the image's own size, since masks never change; severity is the factor.

    OpenCV's area filter makes images smaller, its bicubic filter makes them larger. Each side is rounded to whole
    pixels, at least 1.
    """

    card = own_card(
        "resize", "Resize", "scaled by a factor and back (area down, bicubic up); severity = factor, 0.1 to 4"
    )
    severities = (1.25, 0.75, 0.5)

    def check(self, severity: float) -> None:
        if not SMALLEST <= severity <= LARGEST:
            raise UserError(f"resize: severity is a factor from {SMALLEST:g} to {LARGEST:g}, found {severity:g}")

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        height, width = (max(1, round(side * severity)) for side in image.shape[:2])
        check_pixels("resize", height, width, MAX_PIXELS)
        return scaled(scaled(image, height, width), *image.shape[:2])


def scaled(image: Image, height: int, width: int) -> Image:
    """The image at another size: area filter where it shrinks, bicubic where it grows."""
    from imlbench.images import resize_image

    return image.copy() if image.shape[:2] == (height, width) else resize_image(image, (height, width))
