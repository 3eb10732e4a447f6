"""The learning rate of each step: a warm-up, then a fall of one of several shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

SHAPES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
        "linear": lambda share: 1 - share,
        "cubic": lambda share: (1 - share) ** 3,
        "constant": lambda share: 1.0,
    }
)
"""From the share of the run that is over, 0 to 1, to the rate as a share of its peak."""


def rate_at(step: int, total: int, peak: float, warmup: int, shape: str = "cosine") -> float:
    """peak (step + 1) / warmup at first, then peak f(t), t from 0 to 1 over the rest and f of `SHAPES`.

    Args:
        step: the step about to be taken, from 0.
        total: steps of the run.
        peak: the largest rate.
        warmup: steps of the rise, at most a tenth of a short run.
        shape: a name of `SHAPES`.
    """
    rise = min(warmup, total // 10)
    if step < rise:
        return peak * (step + 1) / rise
    share = (step - rise) / max(1, total - rise)
    return peak * SHAPES[shape](min(1.0, share))
