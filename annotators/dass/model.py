"""The network: original, edited and |difference| through one encoder, a pyramid, one logit a pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from annotators.dass.config import DassConfig
from annotators.dass.encoders import build_encoder
from annotators.dass.head import UPerHead

FLIPS: tuple[tuple[int, ...], ...] = ((), (3,), (2,))
"""Axes: none, left to right, upside down."""


class Dass(nn.Module):
    """Difference-aware semantic segmentation, with random weights.

    Args:
        config: its sizes.

    Raises:
        UserError: the encoder is unknown, or has no maps of the strides.
    """

    def __init__(self, config: DassConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder, config.strides)
        self.head = UPerHead(config, self.encoder.channels)

    def forward(self, original: Tensor, edited: Tensor) -> Tensor:
        """Logits of "edited", B x 1 x H x W, float32.

        Args:
            original: B x 3 x H x W, float32 in [0, 1]; H and W are multiples of 32.
            edited: likewise.
        """
        logits = self.head(self.encoder(self.joined(original, edited))).float()
        return functional.interpolate(logits, original.shape[2:], mode="bilinear", align_corners=False)

    def flipped(self, original: Tensor, edited: Tensor) -> Tensor:
        """The mean of the logits of a pair as it is and under two flips, each turned back; as `forward`."""
        found = [self(original.flip(axes), edited.flip(axes)).flip(axes) for axes in FLIPS]
        return torch.stack(found).mean(dim=0)

    def joined(self, original: Tensor, edited: Tensor) -> Tensor:
        """What the encoder sees: B x 9 x H x W.

        Both images are normalised by the encoder's statistics. |edited - original| is taken of the values in [0, 1],
        in float32, and divided by the deviation alone, so that 0 stays "no difference".
        """
        mean, deviation = (
            original.new_tensor(values)[:, None, None] for values in (self.encoder.mean, self.encoder.deviation)
        )
        difference = (edited.float() - original.float()).abs()
        return torch.cat([(original - mean) / deviation, (edited - mean) / deviation, difference / deviation], dim=1)
