"""One image's decoder: the encoder's four maps as one map at stride 4."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from annotators.meta_cd.blocks import DecoderBlock, convolution
from annotators.meta_cd.config import MetaCdConfig


class Decoder(nn.Module):
    """1 x 1 adapters, then three decoder blocks from stride 32 to stride 4; the same weights for both images.

    A block goes out with the channels of the next finer adapter, the last one with `config.decoded`. That, and the
    normalisation and ReLU of the adapters, are choices of this project's.

    Args:
        config: the sizes.
    """

    def __init__(self, config: MetaCdConfig) -> None:
        super().__init__()
        pairs = zip(config.features, config.adapted, strict=True)
        self.adapters = nn.ModuleList(convolution(inner, outer, 1) for inner, outer in pairs)
        skips = config.adapted[-2::-1]
        widths = (config.adapted[-1], *skips[1:], config.decoded)
        self.blocks = nn.ModuleList(
            DecoderBlock(coarse, skip, outer) for (coarse, outer), skip in zip(pairwise(widths), skips, strict=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """B x decoded x H/4 x W/4 from the encoder's maps, finest first."""
        *skips, x = (adapter(one) for adapter, one in zip(self.adapters, maps, strict=True))
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            x = block(x, skip)
        result: Tensor = x
        return result
