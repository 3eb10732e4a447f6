"""One way of encoding for every image of a training set, so that its file does not tell edited from authentic."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image as PillowImage

from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.images import encode_png

if TYPE_CHECKING:
    from imlbench.samples import Image, Mask

CHROMA = "4:2:0"
LONGEST_JPEG_SIDE = 65500
"""Pixels; what the JPEG library writes at most."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How images are written: no metadata, no colour profile, no thumbnail.

    Attributes:
        quality: of JPEG, 1 to 100, with chroma at half the size; None for PNG.
    """

    quality: int | None

    @property
    def suffix(self) -> str:
        """Of file names."""
        return ".png" if self.quality is None else ".jpg"

    def __str__(self) -> str:
        return "PNG, lossless" if self.quality is None else f"JPEG, quality {self.quality}, chroma {CHROMA}"

    def encode(self, pixels: Image, name: str) -> bytes:
        """The file of an H x W x 3 uint8 image.

        Raises:
            SampleError: too long a side for the format.
        """
        if self.quality is None:
            return encode_png(pixels)
        if max(pixels.shape) > LONGEST_JPEG_SIDE:
            size = f"{pixels.shape[1]} x {pixels.shape[0]}"
            raise SampleError(Reason.TOO_LARGE, f"{name}: {size}, but JPEG has at most {LONGEST_JPEG_SIDE} a side")
        buffer = io.BytesIO()
        PillowImage.fromarray(pixels).save(buffer, "JPEG", quality=self.quality, subsampling=CHROMA)
        return buffer.getvalue()


def read_codec(text: str) -> Codec:
    """The codec that --quality names: "95" or "png".

    Raises:
        UserError: neither a whole number from 1 to 100 nor "png".
    """
    if text.lower() == "png":
        return Codec(None)
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 100:
        raise UserError(f"--quality: expected 1 to 100, or png, found {one_line(text, 40)!r}")
    return Codec(int(text))


def encode_mask(mask: Mask) -> bytes:
    """Grey PNG of 8 bits: 255 = edited, 0 = not."""
    import numpy as np

    buffer = io.BytesIO()
    PillowImage.fromarray(mask.view(np.uint8) * np.uint8(255)).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
