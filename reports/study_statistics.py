"""Statistics of a study: intervals over seeds, and a paired test over images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

FLIPS = 10_000
BLOCK = 1 << 22
"""Signs in memory at once."""
T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
    *(2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
"""Student's t, 97.5 % quantile, by degrees of freedom from 1."""


class Spread(NamedTuple):
    """A mean over seeds.

    Attributes:
        mean: of the seeds' values.
        half: half the width of its 95 % interval by Student's t; NaN where there is one seed alone.
        seeds: how many there are.
    """

    mean: float
    half: float
    seeds: int


def over_seeds(values: Sequence[float]) -> Spread:
    """Mean and 95 % interval of one value a seed."""
    count = len(values)
    if not count:
        return Spread(math.nan, math.nan, 0)
    mean = math.fsum(values) / count
    if count == 1:
        return Spread(mean, math.nan, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    quantile = T_975[count - 2] if count - 2 < len(T_975) else 1.96
    return Spread(mean, quantile * deviation / math.sqrt(count), count)


def sign_flip(differences: Values, seed: int = 0) -> float:
    """Two-sided p of a paired permutation test: is a mean this far from 0 to be had by flipping signs at random?

    All flips are counted where there are few, else `FLIPS` are drawn, and the observed one is counted among them.

    Args:
        differences: one for each image; NaN = left out.
        seed: of the flips.
    """
    found = differences[np.isfinite(differences)]
    count = len(found)
    if not count or not found.any():
        return 1.0
    # A little less than observed, so that rounding does not hide equals.
    bound = abs(float(found.sum())) * (1 - 1e-9)
    if (1 << min(count, 60)) <= FLIPS:
        patterns = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1
        return float(np.mean(np.abs((1.0 - 2 * patterns) @ found) >= bound))
    generator = np.random.default_rng(seed)
    beyond, rows = 1, max(1, BLOCK // count)
    for start in range(0, FLIPS, rows):
        signs = generator.integers(0, 2, (min(rows, FLIPS - start), count), dtype=np.int8).astype(np.float64) * 2 - 1
        beyond += int(np.count_nonzero(np.abs(signs @ found) >= bound))
    return beyond / (FLIPS + 1)
