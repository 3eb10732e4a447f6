"""Small networks and images for the tests of SIGMA's network."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.model import Sigma
from imlbench.backbones.encoder import Encoder, Lattice

torch.set_num_threads(1)

SMALL = SigmaConfig(
    image_size=112, width=16, heads=4, position_cells=8, pyramid_width=16, decoder_width=8, fusion_width=8
)
LITE = replace(
    SMALL,
    ffn_ratio=2,
    attention_lattice=4,
    key_lattice=2,
    drb_position_code=True,
    rms_differences=True,
    fusion_stride=4,
)


class StubEncoder(Encoder):
    """A convolution a level, with strides of one's own choice: 14 everywhere, as a transformer has, unless told."""

    def __init__(self, channels: tuple[int, ...] = (12, 12, 12), strides: tuple[int, ...] = (14, 14, 14)) -> None:
        super().__init__(channels, (0.5,) * 3, (0.25,) * 3)
        self.strides = strides
        self.convolutions = nn.ModuleList(
            nn.Conv2d(3, depth, stride, stride) for depth, stride in zip(channels, strides, strict=True)
        )
        self.norm = nn.BatchNorm2d(3)
        self.calls: list[int] = []
        self.freeze()

    def lattices(self, height: int, width: int) -> list[Lattice]:
        return [(height // stride, width // stride) for stride in self.strides]

    def features(self, normalised: Tensor) -> list[Tensor]:
        self.calls.append(len(normalised))
        # In training mode the normalisation would change its buffers, and mix the samples of a batch.
        x = self.norm(normalised.to(self.norm.weight.dtype))
        return [convolution(x) for convolution in self.convolutions]


def small_network(config: SigmaConfig = SMALL, strides: tuple[int, ...] = (14, 14, 14), seed: int = 0) -> Sigma:
    """A network over a stub, the same for the same seed."""
    torch.manual_seed(seed)
    strides = strides[-len(config.layers) :]
    return Sigma(config, StubEncoder((12,) * len(strides), strides)).eval()


def images(batch: int = 2, height: int = 112, width: int = 112, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Originals, and the same with a rectangle replaced."""
    generator = torch.Generator().manual_seed(seed)
    original = torch.rand(batch, 3, height, width, generator=generator)
    edited = original.clone()
    edited[:, :, height // 4 : height // 2, width // 4 : width // 2] = torch.rand(batch, 3, 1, 1, generator=generator)
    return original, edited
