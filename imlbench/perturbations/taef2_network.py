"""The network of TAEF2, the tiny autoencoder of FLUX.2's latent space, as its weight files' names and shapes tell it.

Two sequences of convolutions, 64 channels wide: the encoder halves the size three times, to 32 latent channels; the
decoder doubles it three times. The three blocks at the lowest size of each have a second path, normalised over the
whole image in four groups of channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH = 64
LATENT = 32
GROUPS = 4
SHRINKS = 8
"""An image's side is this many times its latent's."""


class SoftLimit(nn.Module):
    """Keeps latents within about -3 to 3: 3 tanh(x / 3)."""

    def forward(self, latent: Tensor) -> Tensor:
        return 3 * torch.tanh(latent / 3)


class Block(nn.Module):
    """Three convolutions beside an identity: N x 64 x H x W to the same shape.

    Args:
        normalised: whether the input first receives the path that is normalised over the image.
    """

    def __init__(self, normalised: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(square(), nn.ReLU(), square(), nn.ReLU(), square())
        wide = 4 * WIDTH
        self.pool = (
            nn.Sequential(
                nn.Conv2d(WIDTH, wide, 1, bias=False),
                nn.GroupNorm(GROUPS, wide),
                nn.ReLU(),
                nn.Conv2d(wide, WIDTH, 1, bias=False),
            )
            if normalised
            else None
        )

    def forward(self, features: Tensor) -> Tensor:
        if self.pool is not None:
            features = features + self.pool(features)
        return torch.relu(self.conv(features) + features)


def square(inputs: int = WIDTH, outputs: int = WIDTH, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size, or halves it with a stride of 2."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=bias)


def blocks(count: int = 3, normalised: bool = False) -> list[nn.Module]:
    """Blocks in a row."""
    return [Block(normalised) for _ in range(count)]


def encoder() -> nn.Sequential:
    """N x 3 x H x W in [0, 1] to N x 32 x H/8 x W/8."""
    stages = [square(3), *blocks(1)]
    for normalised in (False, False, True):
        stages += [square(stride=2, bias=False), *blocks(normalised=normalised)]
    return nn.Sequential(*stages, square(outputs=LATENT))


def decoder() -> nn.Sequential:
    """N x 32 x h x w to N x 3 x 8h x 8w, in about [0, 1]."""
    stages: list[nn.Module] = [SoftLimit(), square(LATENT), nn.ReLU()]
    for count, normalised in ((3, True), (3, False), (3, False)):
        stages += [*blocks(count, normalised), nn.Upsample(scale_factor=2), square(bias=False)]
    return nn.Sequential(*stages, *blocks(1), square(outputs=3))
