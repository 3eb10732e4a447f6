"""Re-encoding of a whole image, as editors that return a new file do it: nearly every pixel changes a little."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PillowImage

if TYPE_CHECKING:
    from imlbench.samples import Image


@dataclass(frozen=True, slots=True)
class Encoding:
    """What befalls the image on its way through an editor.

    Attributes:
        scale: the editor works at this size and scales back, which softens the image without moving it.
        gain: factor on all values.
        offset: in grey levels, added after the gain.
        quality: of the JPEG file.
    """

    scale: float
    gain: float
    offset: float
    quality: int

    def facts(self) -> dict[str, float]:
        """The parameters by name."""
        return asdict(self)


def draw_encoding(seed: int) -> Encoding:
    """The encoding of a seed."""
    generator = np.random.default_rng(seed)
    return Encoding(
        scale=round(float(generator.uniform(0.78, 0.92)), 3),
        gain=round(float(generator.uniform(0.97, 1.03)), 3),
        offset=round(float(generator.uniform(-3.0, 3.0)), 1),
        quality=int(generator.integers(72, 79)),
    )


def reencode(edited: Image, encoding: Encoding) -> bytes:
    """The JPEG file that the editor returns, at the size of `edited` (H x W x 3, uint8, RGB)."""
    height, width = edited.shape[:2]
    working = (max(1, round(width * encoding.scale)), max(1, round(height * encoding.scale)))
    small = cv2.resize(edited, working, interpolation=cv2.INTER_AREA)
    back = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    toned = np.clip(np.rint(back * encoding.gain + encoding.offset), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    PillowImage.fromarray(toned).save(buffer, "JPEG", quality=encoding.quality)
    return buffer.getvalue()
