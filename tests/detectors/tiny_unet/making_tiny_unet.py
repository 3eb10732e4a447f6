"""Weight files of a network that is small enough for tests."""

from __future__ import annotations

from pathlib import Path

import torch

from detectors.tiny_unet.config import TinyUnetConfig
from detectors.tiny_unet.network import TinyUnet
from detectors.tiny_unet.own_files import save_network

SMALL = TinyUnetConfig(widths=(4, 6, 8))


def make_weights(path: Path, seed: int = 0, config: TinyUnetConfig = SMALL) -> Path:
    """Random weights, with statistics that were moved a little."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = TinyUnet(config)
    network.train()(torch.rand(2, 3, 32, 32))
    save_network(path, network.eval(), {"seed": seed})
    return path
