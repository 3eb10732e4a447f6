"""The convolutional parts that the network is put together from."""

from __future__ import annotations

from torch import Tensor, cat, nn
from torch.nn import functional


def convolution(inner: int, outer: int, side: int) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU; height and width stay.

    Args:
        inner: channels that come in.
        outer: channels that go out.
        side: of the kernel.
    """
    conv = nn.Conv2d(inner, outer, side, padding=side // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outer), nn.ReLU(inplace=True))


class DecoderBlock(nn.Module):
    """Doubles a map, puts the encoder's of that size beside it, and mixes the two.

    Args:
        coarse: channels of the map that is doubled.
        skip: channels of the encoder's.
        outer: channels that go out.
    """

    def __init__(self, coarse: int, skip: int, outer: int) -> None:
        super().__init__()
        self.grow = nn.ConvTranspose2d(coarse, coarse, 2, stride=2)
        self.mix = nn.Sequential(convolution(coarse + skip, outer, 3), convolution(outer, outer, 3))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """B x outer x 2h x 2w from B x coarse x h x w and B x skip x 2h x 2w."""
        mixed: Tensor = self.mix(cat([self.grow(coarse), skip], dim=1))
        return mixed


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, added to what comes in.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width, 3)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """B x width x h x w from the same."""
        return functional.relu(x + self.norm(self.second(self.first(x))))
