"""The deterministic images that the conformance suite feeds to an adapter.

A smooth picture with fine texture and one repainted patch: what real pairs look like, so that a model gives
soft, varied scores and a difference between two runs shows. Pure noise would drive many models into
saturation and hide it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

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
