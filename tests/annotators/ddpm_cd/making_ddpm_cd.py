"""Small networks of DDPM-CD's shape, their weight files under the published names, and pairs to try them on."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from annotators.ddpm_cd.config import DdpmCdConfig, ExtractorConfig, HeadConfig
from annotators.ddpm_cd.head import ChangeHead
from annotators.ddpm_cd.model import DdpmCd
from annotators.ddpm_cd.names import TABLES, extractor_modules, head_modules, published_names
from annotators.ddpm_cd.own_files import save_part
from annotators.ddpm_cd.schedule import NoiseSchedule
from annotators.ddpm_cd.unet import UNet
from imlbench.samples import Pair

torch.set_num_threads(1)

TINY = DdpmCdConfig(extractor=ExtractorConfig(base_width=8, norm_groups=4, image_size=32, attention_sides=(2,)))
"""All that the published network has, a sixteenth as wide and an eighth as large."""
FINEST = DdpmCdConfig(extractor=TINY.extractor, head=HeadConfig(steps=(50, 100), hidden=8, finest=True))


def waves(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Weights by a formula in their published name, so that values can be compared with another program's."""
    length = math.prod(shape)
    wave = torch.sin(0.7 * torch.arange(length, dtype=torch.float64) + zlib.crc32(name.encode()) % 1000)
    if len(shape) > 1:
        return (1.4 * wave / math.sqrt(length / shape[0])).reshape(shape).float()
    return ((1 if name.endswith("weight") else 0) + 0.1 * wave).reshape(shape).float()


def names_of(network: nn.Module) -> dict[str, str]:
    """Published name -> name here."""
    if isinstance(network, ChangeHead):
        return published_names(network, head_modules(network.config))
    assert isinstance(network, UNet)
    return published_names(network, extractor_modules(network.config))


def fill(network: nn.Module) -> dict[str, torch.Tensor]:
    """Give a network the formula's weights; they are returned by their published names."""
    own = network.state_dict()
    names = names_of(network)
    values = {published: waves(published, tuple(own[name].shape)) for published, name in names.items()}
    network.load_state_dict({name: values[published] for published, name in names.items()})
    network.eval()
    return values


def tiny(config: DdpmCdConfig = TINY) -> DdpmCd:
    """A network with the formula's weights."""
    network = DdpmCd(config)
    fill(network.extractor)
    fill(network.head)
    return network.eval()


def schedule_tables(config: ExtractorConfig) -> dict[str, torch.Tensor]:
    """The schedule's tables as a published file has them; only `betas` is read."""
    tables = {name: torch.zeros(config.schedule_steps) for name in TABLES}
    return tables | {"betas": torch.from_numpy(NoiseSchedule(config).betas).float()}


def own_files(folder: Path, config: DdpmCdConfig = TINY) -> tuple[Path, Path]:
    """Diffusion model and head in this project's own format."""
    network = tiny(config)
    paths = folder / "extractor.safetensors", folder / "head.safetensors"
    sha256 = save_part(paths[0], network.extractor)
    save_part(paths[1], network.head, {"seed": 0}, sha256)
    return paths


def make_pair(name: str, shape: tuple[int, int] = (40, 56), seed: int = 0) -> Pair:
    """Noise, with a bright box in the edited image."""
    original = np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)
    edited = original.copy()
    edited[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 240
    return Pair(name, original, edited)
