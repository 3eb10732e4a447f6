"""The frozen encoder that both images pass through, whatever backbone it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Self

import torch
from torch import Tensor, nn

Lattice = tuple[int, int]
"""Rows and columns of a feature map."""


class Encoder(nn.Module, ABC):
    """A frozen backbone. It is never in training mode, asks for no gradient and has no part in a checkpoint.

    Args:
        channels: channels of each level, shallow to deep.
        mean: per channel, on images in [0, 1].
        deviation: per channel, on images in [0, 1].
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: Sequence[int], mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1), persistent=False)

    @abstractmethod
    def lattices(self, height: int, width: int) -> list[Lattice]:
        """Rows and columns of each level for images of this size in pixels."""

    @abstractmethod
    def features(self, normalised: Tensor) -> list[Tensor]:
        """The levels of images that are normalised already. B x 3 x H x W -> per level B x D x h x w."""

    def levels(self, images: Tensor) -> list[Tensor]:
        """Feature maps of the images, shallow to deep, under inference mode and autocast.

        Args:
            images: B x 3 x H x W, floating point, RGB, in [0, 1].

        Returns:
            Per level B x D x h x w, float32; usable in a graph when gradients are being recorded.
        """
        with torch.inference_mode(), _precision(images.device.type):
            normalised = (images.float() - self.mean.float()) / self.deviation.float()
            maps = [level.float() for level in self.features(normalised)]
        # Autograd refuses to save a tensor that was made under inference mode; a copy made outside is an ordinary one.
        return [level.clone() for level in maps] if torch.is_grad_enabled() else maps

    def freeze(self) -> Self:
        """Evaluation mode and no gradients, for good."""
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode, whatever the network around it is set to."""
        return super().train(False)


def _precision(device: str) -> AbstractContextManager[object]:
    """bfloat16 on an accelerator; elsewhere, and inside someone's autocast, what is set already."""
    if device == "cpu" or torch.is_autocast_enabled(device):
        return nullcontext()
    return torch.autocast(device, dtype=torch.bfloat16)
