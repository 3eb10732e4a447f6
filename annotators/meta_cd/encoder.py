"""Both encoders and how much of each is taken."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from annotators.meta_cd.config import MetaCdConfig
from annotators.meta_cd.resnet import LiftedResNet


class Gate(nn.Module):
    """g * trainable + (1 - g) * frozen, with one learned number g for all maps and places.

    g is the sigmoid of the parameter, so that it stays within [0, 1]; it begins at 0.5. Both are choices of this
    project's: the description says "one learned scalar gate".
    """

    def __init__(self) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.zeros(()))

    def forward(self, trainable: Sequence[Tensor], frozen: Sequence[Tensor]) -> list[Tensor]:
        """Maps of the same shapes as both lists have."""
        share = self.raw.sigmoid()
        return [share * one + (1 - share) * other for one, other in zip(trainable, frozen, strict=True)]


class Encoders(nn.Module):
    """Four maps of an image, finest first: the trainable ResNet's, frozen FastSAM's, or a blend of both.

    Args:
        config: says which there are.
        sam: the frozen encoder, from `fastsam.load_fastsam`; None where the configuration has none.

    Raises:
        ValueError: an encoder is missing, or one too many.
    """

    def __init__(self, config: MetaCdConfig, sam: nn.Module | None) -> None:
        super().__init__()
        if config.sam != (sam is not None):
            raise ValueError(f"sam = {config.sam}, but the frozen encoder is {'given' if sam else 'missing'}")
        self.cnn = LiftedResNet(config) if config.cnn else None
        self.sam = None if sam is None else sam.requires_grad_(False).eval()
        self.gate = Gate() if self.cnn is not None and self.sam is not None else None

    def train(self, mode: bool = True) -> Encoders:
        """Training mode for the trainable encoder alone: the frozen one's normalisation must not move."""
        super().train(mode)
        if self.sam is not None:
            self.sam.eval()
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """Maps of `config.features` channels at strides 4, 8, 16, 32 from B x 3 x H x W in [0, 1]."""
        trainable = [] if self.cnn is None else list(self.cnn(images))
        if self.sam is None:
            return trainable
        with torch.no_grad():
            frozen = list(self.sam(images))
        return frozen if self.gate is None else self.gate(trainable, frozen)
