"""UPerNet's head (Xiao et al., ECCV 2018): pooled views of the coarsest map, a pyramid, all its levels joined."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from annotators.dass.config import DassConfig


class ConvBlock(nn.Sequential):
    """Convolution, group normalisation, ReLU; the size stays.

    Args:
        inner: channels that come in.
        outer: channels that go out.
        kernel: odd, in positions.
        groups: of the normalisation.
    """

    def __init__(self, inner: int, outer: int, kernel: int, groups: int) -> None:
        super().__init__(
            nn.Conv2d(inner, outer, kernel, padding=kernel // 2, bias=False), nn.GroupNorm(groups, outer), nn.ReLU()
        )


class PooledViews(nn.Module):
    """The coarsest map beside means of it over a few cells, from the whole image to a lattice (pyramid pooling).

    Args:
        inner: channels of the coarsest map.
        width: channels that go out.
        sides: cells along each side, one view each.
        groups: of the normalisations.
    """

    def __init__(self, inner: int, width: int, sides: Sequence[int], groups: int) -> None:
        super().__init__()
        self.sides = tuple(sides)
        # Without normalisation: a single cell has no spread to normalise by.
        self.views = nn.ModuleList(nn.Sequential(nn.Conv2d(inner, width, 1), nn.ReLU()) for _ in sides)
        self.join = ConvBlock(inner + width * len(self.sides), width, 3, groups)

    def forward(self, x: Tensor) -> Tensor:
        """B x inner x h x w -> B x width x h x w."""
        seen = [view(cells(x, side)) for side, view in zip(self.sides, self.views, strict=True)]
        joined: Tensor = self.join(torch.cat([x, *(resized(one, x) for one in seen)], dim=1))
        return joined


class UPerHead(nn.Module):
    """One logit for each position of the finest map.

    Args:
        config: pool sides, width, groups.
        channels: of the maps, finest first.
    """

    def __init__(self, config: DassConfig, channels: Sequence[int]) -> None:
        super().__init__()
        width, groups = config.width, config.norm_groups
        self.views = PooledViews(channels[-1], width, config.pool_sides, groups)
        self.laterals = nn.ModuleList(ConvBlock(inner, width, 1, groups) for inner in channels[:-1])
        self.smooth = nn.ModuleList(ConvBlock(width, width, 3, groups) for _ in channels[:-1])
        self.join = ConvBlock(width * len(channels), width, 3, groups)
        self.logit = nn.Conv2d(width, 1, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps, finest first -> B x 1 x h x w logits of "edited", at the finest map's size."""
        levels = [lateral(one) for lateral, one in zip(self.laterals, maps, strict=False)] + [self.views(maps[-1])]
        for place in range(len(levels) - 2, -1, -1):
            levels[place] = levels[place] + resized(levels[place + 1], levels[place])
        finished = [smooth(one) for smooth, one in zip(self.smooth, levels, strict=False)] + levels[-1:]
        joined = self.join(torch.cat([finished[0], *(resized(one, finished[0]) for one in finished[1:])], dim=1))
        logits: Tensor = self.logit(joined)
        return logits


def cells(x: Tensor, side: int) -> Tensor:
    """Means over side x side cells; fewer where the map itself has fewer positions."""
    return functional.adaptive_avg_pool2d(x, (min(side, x.shape[2]), min(side, x.shape[3])))


def resized(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, to another map's size."""
    return functional.interpolate(x, (like.shape[2], like.shape[3]), mode="bilinear", align_corners=False)
