"""What happens to a picture that is shared again and again: smaller, sharper, compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from imlbench.perturb import Perturbation
from imlbench.perturbations.common import check_whole, own_card
from imlbench.perturbations.compression import jpeg_round_trip
from imlbench.perturbations.resize import scaled

if TYPE_CHECKING:
    import numpy as np

    from imlbench.samples import Image


class Station(NamedTuple):
    """One upload.

    Attributes:
        longest: the long side is limited to so many pixels.
        quality: of the JPEG, 4:2:0.
    """

    longest: int
    quality: int


STATIONS = (Station(2048, 85), Station(1600, 80), Station(1280, 75), Station(1080, 70))
SHARPENING = 0.25
"""Share of (image - blurred image) that is added before compression."""
SHARPENING_SIGMA = 1.0


class SocialNetwork(Perturbation):
    """A chain of uploads, each to a stricter service; severity is their number, 1-4.

    The n-th upload limits the long side to 2048, 1600, 1280, 1080 pixels (area filter), sharpens lightly (unsharp mask:
    sigma 1, amount 0.25) and compresses as JPEG, 4:2:0, at quality 85, 80, 75, 70. After the last one the image is
    brought back to its own size (bicubic), since masks never change. The values are imlbench's own, in the range of
    what services do; they copy no service.
    """

    card = own_card(
        "social", "Shared", "uploads in a row: long side limited, sharpened, JPEG; severity = number of uploads, 1 to 4"
    )
    severities = (1, 2, 3, 4)

    def check(self, severity: float) -> None:
        check_whole("social", "whole number of uploads", severity, 1, len(STATIONS))

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        shared = image
        for station in STATIONS[: int(severity)]:
            shared = upload(shared, station)
        return scaled(shared, *image.shape[:2])


def upload(image: Image, station: Station) -> Image:
    """One upload: limit the size, sharpen, compress."""
    import cv2

    height, width = image.shape[:2]
    factor = min(1.0, station.longest / max(height, width))
    small = scaled(image, max(1, round(height * factor)), max(1, round(width * factor)))
    blurred = cv2.GaussianBlur(small, (0, 0), SHARPENING_SIGMA)
    sharp = cv2.addWeighted(small, 1 + SHARPENING, blurred, -SHARPENING, 0)
    return jpeg_round_trip(sharp, station.quality)  # type: ignore[arg-type]
