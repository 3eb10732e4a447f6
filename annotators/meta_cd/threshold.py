"""The threshold that is learned for every pixel, and the step that lets a loss reach it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from annotators.meta_cd.config import MetaCdConfig

LOWEST, SPAN = 0.2, 0.5
"""Thresholds lie in (0.2, 0.7)."""
STEEPNESS = 10.0
MAP_GRADIENT, THRESHOLD_GRADIENT = 0.2, -1.0
STRIDE = 8
"""Pixels between two thresholds that differ."""


class StraightThroughStep(torch.autograd.Function):
    """1 where a map reaches its threshold, else 0, with a gradient put in the place of the step's own, which is 0.

    Forwards: b = 1 if p >= t else 0, for every pixel. Backwards, whatever the values of p and t, with g = dL/db of
    the same pixel: dL/dp = 0.2 g and dL/dt = -g. Raising the threshold thus counts as lowering b, one to one, and
    raising the map as raising b, by a fifth.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, thresholds: Tensor) -> Tensor:
        """Both of one shape, floating point; the result has the shape and dtype of `scores`."""
        if scores.shape != thresholds.shape:
            raise ValueError(f"expected one threshold a score, found {thresholds.shape} for {scores.shape}")
        return (scores >= thresholds).to(scores.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor]:
        """Gradients of `scores` and of `thresholds`, from that of the result."""
        (gradient,) = gradients
        return MAP_GRADIENT * gradient, THRESHOLD_GRADIENT * gradient


def step(scores: Tensor, thresholds: Tensor) -> Tensor:
    """`StraightThroughStep` of two tensors of one shape."""
    result: Tensor = StraightThroughStep.apply(scores, thresholds)
    return result


def bounded(x: Tensor) -> Tensor:
    """1 / (2 + exp(-x)) + 0.2, within (0.2, 0.7) for every x, float32.

    Computed as sigmoid(x + ln 2) / 2 + 0.2, which is the same, and whose gradient does not become infinity divided by
    infinity where exp(-x) is beyond float32.
    """
    return SPAN * (x.float() + math.log(2)).sigmoid() + LOWEST


class LearnedThreshold(nn.Module):
    """A threshold for every pixel, from what was compared and how likely a change is there.

    Both are detached: no gradient of the threshold's changes them. The halving and the eighth are means of pixels, and
    the average pooling counts the padding as zeros; both are choices of this project's.

    Args:
        config: the sizes.
    """

    def __init__(self, config: MetaCdConfig) -> None:
        super().__init__()
        widths = (config.compared, *config.threshold_widths)
        self.layers = nn.Sequential(*(part for inner, outer in pairwise(widths) for part in layer(inner, outer)))
        self.pool = nn.AvgPool2d(config.pool, stride=1, padding=config.pool // 2)
        self.last = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, compared: Tensor, probability: Tensor) -> Tensor:
        """B x 1 x H x W in (0.2, 0.7), float32, constant over squares of 8 x 8 pixels.

        Args:
            compared: B x compared x H/4 x W/4.
            probability: B x 1 x H x W in [0, 1].
        """
        eighth = functional.avg_pool2d(probability.detach(), STRIDE)
        x = functional.avg_pool2d(compared.detach(), 2) * eighth
        x = self.pool(self.last(self.pool(self.layers(x))))
        return functional.interpolate(bounded(STEEPNESS * x.float()), scale_factor=float(STRIDE), mode="nearest")


def layer(inner: int, outer: int) -> Iterator[nn.Module]:
    """A 3 x 3 convolution and its PReLU."""
    yield nn.Conv2d(inner, outer, 3, padding=1)
    yield nn.PReLU()
