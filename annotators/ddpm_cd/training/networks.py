"""The diffusion model and the head that a training begins with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

from annotators.ddpm_cd.checkpoint import load_extractor, load_head
from annotators.ddpm_cd.config import DdpmCdConfig, ExtractorConfig, HeadConfig
from annotators.ddpm_cd.files import EXTRACTOR
from annotators.ddpm_cd.head import ChangeHead, initialise
from annotators.ddpm_cd.own_files import save_part
from annotators.ddpm_cd.unet import UNet
from imlbench.errors import UserError
from imlbench.training.checkpoints import expect_no_run
from imlbench.weights.using import hash_of, required_file

RANDOM = "unet.safetensors"
"""A diffusion model without training, in the run's folder: the head is of no use without it."""


class Extractor(NamedTuple):
    """A diffusion model and its file.

    Attributes:
        network: frozen.
        sha256: of the file, hexadecimal.
    """

    network: UNet
    sha256: str


def extractor_of(file: Path | None, config: ExtractorConfig) -> Extractor:
    """The diffusion model of a file.

    Args:
        file: published or of one's own; None = where the annotator has it.
        config: the sizes of a file that does not say them.

    Raises:
        UserError: it is missing, damaged, or another network's.
    """
    path = file or required_file(EXTRACTOR)
    return Extractor(load_extractor(path, config), hash_of(path))


def random_extractor(out: Path, config: ExtractorConfig, seed: int, resume: bool = False) -> Extractor:
    """A diffusion model without training, for trials; it is written to, or read from, the run's folder.

    Args:
        out: the run's folder.
        config: its sizes.
        seed: of its weights.
        resume: whether the folder may hold a run; what follows from the seed again is known by its hash.

    Raises:
        UserError: the folder holds a run with another one, or cannot be written.
    """
    path = out / RANDOM
    if not path.is_file():
        if not resume:
            expect_no_run(out)
        torch.manual_seed(seed)
        save_part(path, UNet(config), {"random": True, "seed": seed})
    found = extractor_of(path, config)
    if found.network.config != config:
        raise UserError(f"{path}: a diffusion model of other sizes than asked for; take another folder")
    return found


def new_head(config: DdpmCdConfig, seed: int) -> ChangeHead:
    """A head with random orthogonal weights."""
    torch.manual_seed(seed)
    head = ChangeHead(config)
    initialise(head)
    return head


def head_of(start: Path, extractor: Extractor, config: HeadConfig) -> ChangeHead:
    """The head of a file.

    Args:
        start: published or of one's own.
        extractor: the diffusion model that it sees with.
        config: the sizes asked for.

    Raises:
        UserError: the file is missing or damaged, belongs to another diffusion model, or has other sizes.
    """
    head = load_head(start, extractor.network.config, config.steps, trained_on=extractor.sha256)
    if head.config != config:
        raise UserError(f"{start}: the head's sizes are {head.config}, the configuration asks for {config}")
    return head
