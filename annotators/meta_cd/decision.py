"""One map out of probabilities and thresholds, from which both can be told."""

from __future__ import annotations

import torch
from torch import Tensor


def decided(probabilities: Tensor, thresholds: Tensor | None) -> Tensor:
    """Scores that are at least 0.5 exactly where a probability reaches its pixel's threshold.

    Below the threshold p / (2 t), from it on 1/2 + (p - t) / (2 (1 - t)): linear on either side, 0 where p is 0, 1
    where it is 1. A card has one threshold for all pixels; this puts the learned ones at 0.5 and keeps the scores a
    ranking. In floating point too, the first stays below 0.5: p < t makes p / t round to less than 1.

    Args:
        probabilities: of "edited", float32 in [0, 1].
        thresholds: like `probabilities`, within (0, 1); None = 0.5 everywhere, which leaves them as they are.
    """
    if thresholds is None:
        return probabilities
    above = 0.5 + 0.5 * (probabilities - thresholds) / (1 - thresholds)
    return torch.where(probabilities >= thresholds, above, 0.5 * (probabilities / thresholds))
