"""The learning rate of each step: a warm-up, then half a cosine."""

from __future__ import annotations

import math


def rate_at(step: int, total: int, peak: float, warmup: int) -> float:
    """peak (step + 1) / warmup at first, then peak (1 + cos(pi t)) / 2, t from 0 to 1 over the rest.

    Args:
        step: the step about to be taken, from 0.
        total: steps of the run.
        peak: the largest rate.
        warmup: steps of the rise, at most a tenth of a short run.
    """
    rise = min(warmup, total // 10)
    if step < rise:
        return peak * (step + 1) / rise
    share = (step - rise) / max(1, total - rise)
    return peak * (1 + math.cos(math.pi * min(1.0, share))) / 2
