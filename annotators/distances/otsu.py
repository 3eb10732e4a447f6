"""Otsu's threshold on a map of distances, found anew for each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imlbench.otsu import above_otsu

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLAT = 1e-4
"""A map that varies less than this shows a network's rounding, and nothing is marked."""


def above_own_otsu(distances: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels above the Otsu threshold of an H x W float map, in 256 levels between its smallest and largest value.

    A map without a difference marks nothing. Any other is split in two, however small its differences are: Otsu's
    method asks where to part a map, not whether something was edited.
    """
    lowest, highest = float(distances.min()), float(distances.max())
    if highest - lowest < FLAT:
        return np.zeros(distances.shape, np.bool_)
    scaled = (distances - np.float32(lowest)) * np.float32(255 / (highest - lowest))
    return above_otsu(np.rint(scaled).clip(0, 255).astype(np.uint8))
