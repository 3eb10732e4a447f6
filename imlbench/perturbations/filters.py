"""Linear filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imlbench.errors import UserError
from imlbench.perturb import Perturbation
from imlbench.perturbations.common import own_card

if TYPE_CHECKING:
    import numpy as np

    from imlbench.samples import Image


class Blur(Perturbation):
    """Gaussian blur by OpenCV; severity is the kernel's side k in pixels, sigma = 0.3 ((k - 1) / 2 - 1) + 0.8."""

    card = own_card("blur", "Blur", "Gaussian blur; severity = kernel side in pixels, odd")
    severities = (3, 5, 7, 9, 11, 13)

    def check(self, severity: float) -> None:
        if not (1 <= severity <= 255 and severity % 2 == 1):
            raise UserError(f"blur: severity is an odd kernel side from 1 to 255, found {severity:g}")

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        import cv2

        side = int(severity)
        sigma = 0.3 * ((side - 1) / 2 - 1) + 0.8
        return cv2.GaussianBlur(image, (side, side), sigma)  # type: ignore[return-value]
