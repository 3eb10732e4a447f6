"""The angle between what a frozen encoder sees in the two images, position by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from imlbench.backbones.dinov2 import Dinov2
from imlbench.backbones.efficientnet_lite import EfficientNetLite0
from imlbench.weights import locate

if TYPE_CHECKING:
    from imlbench.backbones.encoder import Encoder

LITE_BLOCKS = (4, 10, 14)
"""The last blocks but one, or the last, of strides 8, 16 and 32."""
DINOV2_LAYERS = (9, 10, 11)
"""The last three of twelve."""


class CosineDistance(nn.Module):
    """(1 - cosine of the two features) / 2 per position, averaged over an encoder's levels.

    0 = the same direction, 0.5 = at right angles, 1 = opposite. Levels are enlarged to the finest of them before.

    Args:
        encoder: frozen.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, original: Tensor, edited: Tensor) -> Tensor:
        """Two batches B x 3 x H x W in [0, 1] -> B x h x w in [0, 1], the size of the finest level."""
        # One after the other, not in one batch: equal images then have equal features to the bit.
        levels = list(zip(self.encoder.levels(original), self.encoder.levels(edited), strict=True))
        finest = max((before.shape[2:] for before, _ in levels), key=lambda lattice: lattice[0] * lattice[1])
        maps = [distance(before, after)[:, None] for before, after in levels]
        enlarged = [functional.interpolate(one, finest, mode="bilinear", align_corners=False) for one in maps]
        return torch.cat(enlarged, dim=1).mean(dim=1).clamp(0, 1)


def distance(before: Tensor, after: Tensor) -> Tensor:
    """(1 - cosine) / 2 of two maps B x D x h x w: B x h x w in [0, 1] within rounding."""
    return (1 - functional.cosine_similarity(before, after, dim=1)) / 2


def efficientnet_cosine() -> CosineDistance:
    """Over EfficientNet-Lite0's blocks 4, 10 and 14.

    Raises:
        UserError: its weights are missing or damaged.
    """
    return CosineDistance(EfficientNetLite0.from_file(LITE_BLOCKS, locate("efficientnet-lite0")))


def dinov2_cosine() -> CosineDistance:
    """Over the patch tokens of DINOv2-Base's last three layers.

    Raises:
        UserError: its weights are missing or damaged.
    """
    return CosineDistance(Dinov2.from_pretrained("dinov2-base", DINOV2_LAYERS, locate("dinov2-base")))
