"""A stand-in for a photograph, whose blur can be told."""

from __future__ import annotations

import numpy as np


def photograph(seed: int = 0, side: int = 128) -> np.ndarray:
    """Shapes over a gradient, with a little grain: sharp edges everywhere. side x side x 3, uint8."""
    generator = np.random.default_rng(seed)
    image = np.linspace(40, 200, side)[None, :, None].repeat(side, 0).repeat(3, 2).astype(np.float32)
    for _ in range(60):
        corner, size = generator.integers(0, side - 8, 2), generator.integers(3, 24, 2)
        image[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = generator.integers(0, 256, 3)
    return np.clip(image + generator.normal(0, 1, image.shape), 0, 255).astype(np.uint8)
