"""Small synthesised sets, networks and configurations for the tests of SIGMA's training."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.encoder import Encoder, Lattice
from annotators.sigma.network.model import Sigma
from annotators.sigma.training.config import TrainingConfig

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


def make_set(folder: Path, count: int = 6, seed: int = 0, side: int = 64) -> Path:
    """A synthesised set: noise, with a coloured rectangle edited in; every fourth pair is a zero edit."""
    generator = np.random.default_rng(seed)
    lines = [json.dumps(make_pair(folder, index, generator, side)) for index in range(count)]
    text = "".join(f"{line}\n" for line in lines)
    (folder / "pairs.jsonl").write_text(text)
    facts = {"format": 1, "pairs_sha256": hashlib.sha256(text.encode()).hexdigest()}
    (folder / "set.json").write_text(json.dumps(facts))
    return folder


def make_pair(folder: Path, index: int, generator: np.random.Generator, side: int) -> dict[str, object]:
    """One pair's images and its line."""
    original = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
    edited, mask = original.copy(), np.zeros((side, side), np.uint8)
    zero = index % 4 == 3
    if not zero:
        top, left = generator.integers(0, side // 2, 2)
        edited[top : top + side // 2, left : left + side // 2] = (250, 20, 20)
        mask[top : top + side // 2, left : left + side // 2] = 255
    names = {}
    for role, pixels in (("original", original), ("edited", edited), ("mask", mask)):
        (folder / role).mkdir(parents=True, exist_ok=True)
        names[role] = f"{role}/{index:06}.png"
        Image.fromarray(pixels).save(folder / names[role])
    return {
        **names,
        "id": f"{index:06}",
        "source": f"photograph-{index}.png",
        "action": "global" if zero else "add",
        "instruction": None if zero else "add a red square",
        "concept_original": None,
        "concept_edited": None if zero else "red square",
        "kind": "none" if zero else "insertion",
        "encoding": {"original": [], "edited": []},
        "seed": 0,
        "width": side,
        "height": side,
        "zero_edit": zero,
        "split": "validation" if index >= 4 else "train",
        "source_sha256": hashlib.sha256(b"photograph %d" % index).hexdigest(),
    }
