"""Lossy compression: the image is encoded and decoded again."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from imlbench.perturb import Perturbation
from imlbench.perturbations.common import check_whole, own_card

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image

QUALITIES = (100, 90, 80, 70, 60, 50)


class Jpeg(Perturbation):
    """JPEG compression with 4:2:0 chroma subsampling by OpenCV's encoder; severity is the quality, 1-100."""

    card = own_card("jpeg", "JPEG", "JPEG compression, 4:2:0, by OpenCV; severity = quality, 100 to 1")
    severities = QUALITIES

    def check(self, severity: float) -> None:
        check_whole("jpeg", "whole quality", severity, 1, 100)

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        return jpeg_round_trip(image, int(severity))

    def encode(self, image: Image, severity: float) -> bytes:
        """The file whose pixels `apply` returns, for detectors that read files."""
        return jpeg_file(image, int(severity)).tobytes()


class WebP(Perturbation):
    """Lossy WebP compression by Pillow's encoder at its default effort; severity is the quality, 1-100.

    Its chroma is always 4:2:0; quality 100 is lossy too.
    """

    card = own_card("webp", "WebP", "lossy WebP compression by Pillow; severity = quality, 100 to 1")
    severities = QUALITIES

    def check(self, severity: float) -> None:
        check_whole("webp", "whole quality", severity, 1, 100)

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        import numpy as np
        from PIL import Image as PillowImage

        with PillowImage.open(io.BytesIO(self.encode(image, severity)), formats=("WEBP",)) as decoded:
            return np.array(decoded.convert("RGB"))

    def encode(self, image: Image, severity: float) -> bytes:
        """The file whose pixels `apply` returns, for detectors that read files."""
        from PIL import Image as PillowImage

        buffer = io.BytesIO()
        PillowImage.fromarray(image).save(buffer, "WEBP", quality=int(severity), lossless=False, method=4)
        return buffer.getvalue()


def jpeg_round_trip(image: Image, quality: int) -> Image:
    """Encode as JPEG, 4:2:0, and decode again, both with OpenCV.

    Args:
        image: H x W x 3, uint8, RGB.
        quality: 1-100.
    """
    import cv2

    decoded = cv2.imdecode(jpeg_file(image, quality), cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def jpeg_file(image: Image, quality: int) -> NDArray[np.uint8]:
    """The bytes of a JPEG file, 4:2:0, by OpenCV's encoder; arguments as for `jpeg_round_trip`."""
    import cv2

    subsampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, *subsampling]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1]
