"""A small network of DASS's shape, its weight file, and pairs to try it on."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from annotators.dass.checkpoint import save_network
from annotators.dass.config import DassConfig, InputPolicy
from annotators.dass.model import Dass
from imlbench.samples import Pair

torch.set_num_threads(1)

TINY = DassConfig(encoder="shufflenet_v2_x0_5", finest_stride=8, pool_sides=(1, 2), width=8, norm_groups=4)
SEEN = InputPolicy(side=64, stretch=False, flips=False)
FLIPPED = replace(SEEN, flips=True)


@cache
def tiny() -> Dass:
    """A network with random weights whose logits spread over both classes; not to be changed."""
    torch.manual_seed(0)
    network = Dass(TINY)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_(0, 0.2)
    with torch.no_grad():
        network.head.logit.weight.mul_(4)
    return network.eval()


def own_file(folder: Path, policy: InputPolicy = SEEN) -> Path:
    """The small network's weights in this project's own format."""
    save_network(folder / "dass.safetensors", tiny(), policy, {"seed": 0})
    return folder / "dass.safetensors"


def make_pair(name: str, shape: tuple[int, int] = (40, 56), seed: int = 0) -> Pair:
    """Noise, with a bright box in the edited image."""
    original = np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)
    edited = original.copy()
    edited[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 240
    return Pair(name, original, edited)


def images(batch: int = 1, height: int = 64, width: int = 96, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Original and edited, B x 3 x H x W in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    original, edited = torch.rand(2, batch, 3, height, width, generator=generator)
    return original, edited
