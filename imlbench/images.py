"""Decoding and encoding of images: every byte that comes from outside passes through here.

Pillow decodes, because it refuses truncated files and tells an image's size from its header, before any
pixel is decoded. The decoder accepts a fixed list of formats, so that no exotic plug-in sees hostile data.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from imlbench.errors import Reason, SampleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

MAX_PIXELS = 1 << 26
"""Images above 67,108,864 pixels (8192 x 8192) are refused before they are decoded."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
ASPECT_TOLERANCE = 0.02
EXIF_ORIENTATION = 0x0112
TRANSPOSITIONS = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}


class Decoded(NamedTuple):
    """An image and what had to be done to read it.

    Attributes:
        pixels: H x W x 3, uint8, RGB, read-only.
        notes: conversions, such as "CMYK converted to RGB".
    """

    pixels: Image
    notes: tuple[str, ...]


def open_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> tuple[PillowImage.Image, tuple[str, ...]]:
    """Decode `data` completely and turn it upright, whatever its mode.

    Args:
        data: an encoded image.
        name: for messages.
        max_pixels: larger images are refused before decoding.

    Raises:
        SampleError: unreadable, truncated, or too large.
    """
    if not data:
        raise SampleError(Reason.UNREADABLE, f"{name}: the file is empty")
    try:
        image: PillowImage.Image = PillowImage.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height > max_pixels:
            message = f"{name}: {width} x {height} is above the limit of {max_pixels} pixels; refused before decoding"
            raise SampleError(Reason.TOO_LARGE, message)
        # Pillow cuts 16-bit colour to its upper 8 bits while it decodes; only the raw mode tells.
        deep = image.mode in ("RGB", "RGBA") and any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
        notes = ("16-bit colour cut to 8 bits",) if deep else ()
        image.load()
        orientation = image.getexif().get(EXIF_ORIENTATION, 1)
        if orientation not in TRANSPOSITIONS:
            return image, notes
        return image.transpose(TRANSPOSITIONS[orientation]), (*notes, f"EXIF orientation {orientation} applied")
    except SampleError:
        raise
    except PillowImage.DecompressionBombError as error:
        raise SampleError(Reason.TOO_LARGE, f"{name}: {error}") from None
    except UnidentifiedImageError:
        expected = "JPEG, PNG, WebP, TIFF, BMP, GIF or PPM"
        raise SampleError(Reason.UNREADABLE, f"{name}: not an image ({expected} expected)") from None
    except Exception as error:
        # Decoders raise nearly any type on hostile data; each is this one sample's failure, not the run's.
        raise SampleError(Reason.UNREADABLE, f"{name}: {error or type(error).__name__}") from None


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode to 8-bit RGB; alpha is dropped, 16 bits are cut to their upper 8.

    Raises:
        SampleError: unreadable, truncated, too large, or of a pixel type that has no 8-bit meaning.
    """
    image, notes = open_image(data, name, max_pixels)
    if image.mode == "RGB":
        pixels = np.asarray(image)
    elif image.mode.startswith("I") or image.mode == "F":
        grey = (deep_values(image, name) >> 8).astype(np.uint8)
        pixels = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
        notes += ("16-bit grey cut to 8 bits",)
    else:
        pixels = np.asarray(image.convert("RGB"))
        notes += conversion_note(image)
    pixels.flags.writeable = False
    return Decoded(pixels, notes)


def conversion_note(image: PillowImage.Image) -> tuple[str, ...]:
    """What converting `image` to RGB loses, in words; nothing for grey."""
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return ("alpha channel dropped",)
    return () if image.mode in ("L", "1", "P") else (f"{image.mode} converted to RGB",)


def deep_values(image: PillowImage.Image, name: str) -> NDArray[np.uint16]:
    """H x W uint16 values of a 16-bit grey image.

    Raises:
        SampleError: 32-bit or floating-point pixels, whose range is not defined.
    """
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise SampleError(Reason.UNREADABLE, f"{name}: pixel type {image.mode} has no 8-bit meaning")
    return values.astype(np.uint16)


def same_aspect(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether two (height, width, ...) shapes agree in aspect ratio to 2 %."""
    ratio = (first[1] * second[0]) / (first[0] * second[1])
    return bool(abs(ratio - 1) <= ASPECT_TOLERANCE)


def resize_image(pixels: Image, shape: tuple[int, ...]) -> Image:
    """Resize to (height, width): area filter when shrinking, bicubic when enlarging."""
    height, width = shape[:2]
    shrinks = height * width < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(pixels, (width, height), interpolation=method)
    resized.flags.writeable = False
    return resized  # type: ignore[return-value]


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG bytes of an H x W or H x W x 3 uint8 image."""
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()
