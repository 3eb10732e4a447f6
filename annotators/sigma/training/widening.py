"""Weights of a network for one that sees or draws more finely: it starts where the other one ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.model import Sigma
from annotators.sigma.network.pixel_differences import pixel_channels

DIFFERENCING = "differencing.levels.0.projection.weight"
HEAD = ("decoder.head.weight", "decoder.head.bias")
FUSION = ("decoder.fusion.first.0.weight", "decoder.fusion.shortcut.weight")
WITHOUT: Mapping[str, Any] = {"detail_layer": -1, "subpixels": 1, "pixel_cell": 0, "match_blur": False}
"""What a network may have more than the one whose weights it starts with, and the value that stands for none of it."""


def widens(known: SigmaConfig, wanted: SigmaConfig) -> bool:
    """Whether weights of a `known` network can fill a `wanted` one: `widened` does it."""
    less = {name: none for name, none in WITHOUT.items() if getattr(known, name) == none}
    return known == replace(wanted, **less)


def widened(state: Mapping[str, Tensor], known: SigmaConfig, network: Sigma) -> dict[str, Tensor]:
    """What one network knows, in the shapes of another that has more of what `WITHOUT` lists.

    All sub-pixels share the one logit's weights; columns for what the known network does not see are zero.

    Args:
        state: the known network's.
        known: its configuration; see `widens`.
        network: names the wanted shapes.
    """
    found, wanted = dict(state), network.config
    if known.subpixels != wanted.subpixels:
        for name in HEAD:
            value = found[name]
            found[name] = value.repeat(wanted.subpixels**2, *[1] * (value.ndim - 1))
    if known.detail_layer != wanted.detail_layer:
        found[DIFFERENCING] = _with_detail(found[DIFFERENCING], network.encoder.channels[0])
    if known.pixel_cell != wanted.pixel_cell:
        for name in (DIFFERENCING, *FUSION):
            found[name] = _with_columns(found[name], pixel_channels(wanted.pixel_cell))
    return found


def _with_detail(weight: Tensor, channels: int) -> Tensor:
    """Columns for [f_o ; f_e ; m ; c] of `channels` channels, from those of fewer: C x (3 d + 1) -> C x (3 D + 1)."""
    before = (weight.shape[1] - 1) // 3
    parts = []
    for part in torch.split(weight[:, :-1], before, dim=1):
        parts += [part, part.new_zeros(len(part), channels - before)]
    return torch.cat([*parts, weight[:, -1:]], dim=1)


def _with_columns(weight: Tensor, more: int) -> Tensor:
    """Zero columns behind the others: C x D (x kernel) -> C x (D + more) (x kernel)."""
    return torch.cat([weight, weight.new_zeros(len(weight), more, *weight.shape[2:])], dim=1)
