"""Error level analysis: how much each place of an image changes when it is saved as JPEG once more.

Nothing is learned and nothing is needed. What was compressed less than its surroundings, as a region pasted in later,
changes more; what was compressed more changes less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from imlbench.adapters import Detection, Detector, DetectorCard, Picture
from imlbench.tiling import Tiling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image

QUALITY = 90
"""Of the compression whose errors are looked at; subsampling 4:2:0."""
WINDOW = 17
"""Side of the square over which errors are averaged, in pixels: two blocks of JPEG and one pixel."""
UNUSUAL = 4.0
"""Deviations from the image's median that have the score 0.5."""
LEAST_DEVIATION = 0.1
"""Grey levels: an image without any texture would make every rounding error unusual."""
PER_DEVIATION = 1.4826
"""Standard deviations per median absolute deviation of a normal distribution."""
PIECES = Tiling(side=32768, overlap=0, align=16)
"""JPEG cannot hold longer sides than 65,500 pixels; pieces of whole blocks are compressed alike."""


class ErrorLevelAnalysis(Detector):
    """Local mean of the error of one more JPEG compression, as deviation from the image's median."""

    card: ClassVar[DetectorCard] = DetectorCard(
        name="ela",
        title="ELA",
        version="1",
        summary=f"error level analysis: JPEG {QUALITY} once more, local error against the image's median; no network",
        licence="Apache-2.0",
        citation="Krawetz, A picture's worth: digital image analysis and forensics, Black Hat USA, 2007",
        url="https://www.hackerfactor.com/papers/bh-usa-07-krawetz-wp.pdf",
    )

    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        return [Detection(unusual_errors(picture.pixels)) for picture in pictures]


def unusual_errors(pixels: Image) -> NDArray[np.float32]:
    """d / (d + `UNUSUAL`) where d is the deviation of the local error from the median, in robust standard deviations.

    Args:
        pixels: H x W x 3, uint8, RGB.

    Returns:
        H x W, float32 in [0, 1).
    """
    import cv2
    import numpy as np

    errors = compression_errors(pixels)
    local = cv2.boxFilter(errors, cv2.CV_32F, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)
    distance: NDArray[np.float32] = np.abs(local - np.float32(np.median(local)))
    scale = max(PER_DEVIATION * float(np.median(distance)), LEAST_DEVIATION)
    distance /= np.float32(scale)
    score: NDArray[np.float32] = distance / (distance + np.float32(UNUSUAL))
    return score


def compression_errors(pixels: Image) -> NDArray[np.float32]:
    """Mean over the channels of the absolute change under JPEG compression: H x W, float32, grey levels."""
    import cv2
    import numpy as np

    from imlbench.perturbations.compression import jpeg_round_trip

    height, width = pixels.shape[:2]
    errors = np.empty((height, width), dtype=np.float32)
    for piece in PIECES.tiles(height, width):
        part = np.ascontiguousarray(pixels[piece])
        change = cv2.absdiff(part, jpeg_round_trip(part, QUALITY))
        errors[piece] = change.sum(axis=2, dtype=np.uint16) / np.float32(3)
    return errors
