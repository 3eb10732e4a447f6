"""Sensor-like noise, drawn from the generator that belongs to the sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imlbench.errors import UserError
from imlbench.perturb import Perturbation
from imlbench.perturbations.common import own_card

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image


class Noise(Perturbation):
    """Additive white Gaussian noise; severity is the variance on the 0-255 scale. Rounded, then clipped."""

    card = own_card("noise", "Noise", "white Gaussian noise; severity = variance on the 0-255 scale")
    severities = (5, 10, 15, 20, 25)
    seeded = True

    def check(self, severity: float) -> None:
        if not 0 < severity <= 255**2:
            raise UserError(f"noise: severity is a variance above 0 and up to 65025, found {severity:g}")

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        import numpy as np

        noisy: NDArray[np.float32] = image + gaussian(image.shape, severity, generator)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def gaussian(shape: tuple[int, ...], variance: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Independent normal values of mean 0: float32 of `shape`, neither rounded nor clipped.

    Args:
        shape: any.
        variance: on the scale of the image, 0-255.
        generator: where the values come from.
    """
    import numpy as np

    return generator.standard_normal(shape, dtype=np.float32) * np.float32(variance**0.5)
