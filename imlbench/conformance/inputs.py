"""The deterministic images that the conformance suite feeds to an adapter, and files that hold them.

A smooth picture with fine texture and one repainted patch: what real pairs look like, so that a model gives
soft, varied scores and a difference between two runs shows. Pure noise would drive many models into
saturation and hide it.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

from imlbench.adapters import Picture
from imlbench.images import decode_image
from imlbench.samples import Pair

if TYPE_CHECKING:
    from imlbench.samples import Image

INSTRUCTION = "replace the object on the right with a bright box"
CAPTION = "a box in front of a smooth wall"

STANDARD = ((96, 64), (64, 96), (80, 80))
"""(height, width): neither square nor equal, so that swapped axes and naive stacking show."""
ODD = ((47, 61), (200, 7), (7, 200))
TINY = ((1, 1), (1, 9), (9, 1), (3, 3))


def make_pair(
    size: tuple[int, int],
    *,
    grey: bool = False,
    identical: bool = False,
    writable: bool = False,
    instruction: str | None = INSTRUCTION,
    caption: str | None = CAPTION,
) -> Pair:
    """A pair of (height, width), the same on every call and every machine."""
    original = picture(size, grey)
    edited = original.copy() if identical else repaint(original, grey)
    original.flags.writeable = edited.flags.writeable = writable
    return Pair(f"{size[1]}x{size[0]}", original, edited, instruction, caption)


def picture(size: tuple[int, int], grey: bool) -> Image:
    """Waves of a different length and phase in each channel, with grain of up to two levels."""
    height, width = size
    row, column = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [
        128 + 70 * np.sin(row / (9 + channel) + channel) * np.cos(column / (13 - 2 * channel)) for channel in range(3)
    ]
    # Seeded by the size, so that two inputs of one batch never share their grain.
    grain = np.random.default_rng(zlib.crc32(repr(size).encode())).integers(-2, 3, (height, width, 3))
    values = np.clip(np.stack(waves, axis=-1) + grain, 0, 255).astype(np.uint8)
    return np.repeat(values[..., :1], 3, axis=2) if grey else values


def repaint(original: Image, grey: bool) -> Image:
    """A copy with a patch in its lower right repainted by a gradient and a faint trace of re-encoding elsewhere."""
    height, width = original.shape[:2]
    edited = original.copy()
    edited[::2, 1::2] ^= 1
    top, left = height // 3, width // 2
    patch = edited[top : height - height // 8, left : width - width // 8]
    ramp = np.linspace(90, 250, patch.shape[1])[np.newaxis, :, np.newaxis]
    colour = np.ones(3) if grey else np.array([1.0, 0.7, 0.3])
    patch[...] = (ramp * colour).astype(np.uint8)
    return edited


def picture_of(pair: Pair, form: str = "PNG") -> Picture:
    """The edited image as a detector sees it: with a PNG file of the very pixels, or with no file (`form` is empty)."""
    if not form:
        return Picture(pair.id, pair.edited)
    return Picture(pair.id, pair.edited, encoded(pair.edited, form), form)


def jpeg_picture(size: tuple[int, int], mode: str = "RGB", **options: Any) -> Picture:
    """The edited image of (height, width) as a JPEG file, and what decoding it gives.

    Args:
        size: height and width.
        mode: Pillow's: RGB, or L for a file of one component.
        options: Pillow's: quality, subsampling, progressive.
    """
    data = encoded(make_pair(size).edited, "JPEG", mode, **options)
    described = "-".join([mode, *(f"{name}-{value}" for name, value in options.items())])
    name = f"{size[1]}x{size[0]}-{described}"
    return Picture(name, decode_image(data, name).pixels, data, "JPEG")


def encoded(pixels: Image, form: str, mode: str = "RGB", **options: Any) -> bytes:
    """A file that holds the pixels."""
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()
