"""The mask decoder: a pyramid over the refined levels, joined with the consensus, down to one logit per pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from annotators.sigma.network.attention import resize
from annotators.sigma.network.config import SigmaConfig
from imlbench.backbones.encoder import Lattice


class Pyramid(nn.Module):
    """Top-down feature pyramid: 1 x 1 projections, sums from coarse to fine, each smoothed by a 3 x 3 convolution."""

    def __init__(self, config: SigmaConfig, levels: int) -> None:
        super().__init__()
        width = config.pyramid_width
        self.projections = nn.ModuleList(nn.Conv2d(config.width, width, 1) for _ in range(levels))
        self.smoothing = nn.ModuleList(_convolution(width, width, config.norm_groups) for _ in range(levels))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Levels B x C x h x w, shallow to deep -> the finest one, B x P x h x w."""
        parts = [
            (level, project, smooth)
            for level, project, smooth in zip(levels, self.projections, self.smoothing, strict=True)
        ]
        lattices = pyramid_lattices([(level.shape[2], level.shape[3]) for level in levels])
        above: Tensor | None = None
        for (level, project, smooth), lattice in zip(reversed(parts), reversed(lattices), strict=True):
            side = project(resize(level, lattice))
            above = smooth(side if above is None else side + resize(above, lattice))
        assert above is not None
        return above


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with GroupNorm beside a shortcut, which is a 1 x 1 convolution where the width changes."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, groups)
        self.second = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.GroupNorm(groups, outputs)
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.shortcut(x) + self.second(self.first(x)))


class MaskDecoder(nn.Module):
    """Pyramid and consensus, reduced and enlarged, through a fusion block, a terminal block and a 1 x 1 head.

    Args:
        config: sizes and switches.
        levels: how many there are.
        pixels: channels of the pixels' own differences, which join them.
    """

    def __init__(self, config: SigmaConfig, levels: int, pixels: int = 0) -> None:
        super().__init__()
        self.stride, self.subpixels = config.fusion_stride, config.subpixels
        groups, reduced, width = config.norm_groups, config.decoder_width, config.fusion_width
        self.pyramid = Pyramid(config, levels)
        self.reduce_pyramid = nn.Conv2d(config.pyramid_width, reduced, 1)
        self.reduce_consensus = nn.Conv2d(config.width, reduced, 1)
        self.fusion = ResidualBlock(2 * reduced + pixels, width, groups)
        self.terminal = ResidualBlock(width, width, groups)
        self.head = nn.Conv2d(width, config.subpixels**2, 1)

    def forward(
        self, levels: Sequence[Tensor], consensus: Tensor, size: Lattice, pixels: Tensor | None = None
    ) -> Tensor:
        """Refined levels and consensus, B x C x h x w each -> logits, B x 1 x H x W.

        Args:
            levels: shallow to deep.
            consensus: Z.
            size: H and W in pixels.
            pixels: the pixels' own differences, any lattice.
        """
        joined_at = (-(-size[0] // self.stride), -(-size[1] // self.stride))
        pyramid = resize(self.reduce_pyramid(self.pyramid(levels)), joined_at)
        agreed = resize(self.reduce_consensus(consensus), joined_at)
        joined = [pyramid, agreed]
        if pixels is not None:
            joined.append(resize(pixels.to(pyramid.dtype), joined_at))
        logits = self.head(self.terminal(self.fusion(torch.cat(joined, dim=1))))
        # Sub-pixel convolution (Shi et al. 2016): finer outlines without a finer lattice.
        return resize(functional.pixel_shuffle(logits, self.subpixels), size)


def pyramid_lattices(lattices: Sequence[Lattice]) -> list[Lattice]:
    """The lattice of each of the pyramid's levels: the shallowest one's, then a half, a quarter, ... of it, rounded up.

    A level that is coarser than that already stays as it is. 37, 37, 37 gives 37, 19, 10.
    """
    rows, columns = lattices[0]
    halved = [(-(-rows // 2**depth), -(-columns // 2**depth)) for depth in range(len(lattices))]
    return [(min(a, c), min(b, d)) for (a, b), (c, d) in zip(halved, lattices, strict=True)]


def _convolution(inputs: int, outputs: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.GroupNorm(groups, outputs), nn.ReLU(inplace=True)
    )
