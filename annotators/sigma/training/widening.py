"""Weights of a coarse network for one that differs by details and sub-pixels: it starts where the coarse one ended."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from annotators.sigma.network.model import Sigma

DIFFERENCING = "differencing.levels.0.projection.weight"
HEAD = ("decoder.head.weight", "decoder.head.bias")


def widened(state: Mapping[str, Tensor], network: Sigma) -> dict[str, Tensor]:
    """What the coarse network knows, in the shapes of one with a detail layer, with sub-pixels, or with both.

    The detail's columns of the first level's projection are zero, and all sub-pixels share the one logit's weights.

    Args:
        state: of a network whose configuration differs in `detail_layer` and `subpixels` alone, where it has neither.
        network: names the wanted shapes.
    """
    found = dict(state)
    if DIFFERENCING in found:
        found[DIFFERENCING] = _with_detail(found[DIFFERENCING], network.encoder.channels[0])
    for name in HEAD:
        if name in found:
            value = found[name]
            found[name] = value.repeat(network.config.subpixels**2, *[1] * (value.ndim - 1))
    return found


def _with_detail(weight: Tensor, channels: int) -> Tensor:
    """Columns for [f_o ; f_e ; m ; c] of `channels` channels, from those of fewer: C x (3 d + 1) -> C x (3 D + 1)."""
    before = (weight.shape[1] - 1) // 3
    parts = []
    for part in torch.split(weight[:, :-1], before, dim=1):
        parts += [part, part.new_zeros(len(part), channels - before)]
    return torch.cat([*parts, weight[:, -1:]], dim=1)
