"""Small networks and configurations for the tests of SIGMA's training."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.model import Sigma
from annotators.sigma.training.config import TrainingConfig
from imlbench.backbones.encoder import Encoder, Lattice
from tests.training.making_pairs import make_set as make_set

torch.set_num_threads(1)

NETWORK = SigmaConfig(
    encoder="efficientnet-lite0",
    layers=(2, 4),
    image_size=32,
    width=16,
    heads=2,
    ffn_ratio=2,
    drbs=1,
    bcmr_steps=1,
    position_cells=8,
    pyramid_width=16,
    decoder_width=8,
    fusion_width=8,
    fusion_stride=4,
    rms_differences=True,
)
CONFIG = TrainingConfig(
    network=NETWORK,
    steps=6,
    batch_size=2,
    learning_rate=3e-3,
    warmup_steps=2,
    precision="no",
    workers=0,
    sizes=(32, 48),
    validate_every=3,
    save_every=2,
    photometric_probability=0.5,
    autoencoders=("vae-taef2",),
)


class TinyEncoder(Encoder):
    """Two convolutions with strides 4 and 8, the same for every seed set before."""

    def __init__(self) -> None:
        super().__init__((8, 8), (0.5,) * 3, (0.25,) * 3)
        self.convolutions = nn.ModuleList(nn.Conv2d(3, 8, stride, stride) for stride in (4, 8))
        self.freeze()

    def lattices(self, height: int, width: int) -> list[Lattice]:
        return [(height // stride, width // stride) for stride in (4, 8)]

    def features(self, normalised: Tensor) -> list[Tensor]:
        return [convolution(normalised) for convolution in self.convolutions]


def tiny_network(config: SigmaConfig = NETWORK) -> Sigma:
    """The same network at every call."""
    torch.manual_seed(0)
    return Sigma(config, TinyEncoder())


def short(**changes: object) -> TrainingConfig:
    """The tests' run with other numbers."""
    return replace(CONFIG, **changes)
