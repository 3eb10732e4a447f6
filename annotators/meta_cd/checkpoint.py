"""Weight files of this project's own training, written and loaded. `header` says what is in one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from annotators.meta_cd.config import MetaCdConfig
from annotators.meta_cd.fastsam import load_fastsam
from annotators.meta_cd.header import FORMAT, VERSION, describe
from annotators.meta_cd.model import MetaCd
from imlbench.errors import UserError, one_line
from imlbench.weights.loading import compare, load_tensors
from imlbench.weights.own import fitting, naming, write_own


def save_network(path: str | Path, network: MetaCd, facts: Mapping[str, Any] | None = None, fastsam: str = "") -> str:
    """Write a network, whole or not at all, without FastSAM's weights. Equal networks and facts give equal files.

    Args:
        path: ends in .safetensors; an existing file is replaced.
        network: on any device.
        facts: JSON-serialisable.
        fastsam: SHA-256 of the file of FastSAM that it was trained with, where it has one.

    Returns:
        The file's SHA-256, hexadecimal.

    Raises:
        UserError: the file cannot be written, or has another ending.
        ValueError: a weight is not finite, or the facts are no JSON.
    """
    values = {"format": FORMAT, "version": VERSION, "annotator": network.config.annotator}
    values |= {"config": network.config.to_dict(), "facts": dict(facts or {}), "fastsam": fastsam}
    return write_own(path, network.own_state(), values)


def load_network(
    path: str | Path, annotator: str = "", fastsam: Path | None = None, fastsam_sha256: str = ""
) -> MetaCd:
    """A network out of a file, in evaluation mode, on the CPU.

    Args:
        path: written by `save_network`.
        annotator: that it must be for, "meta-cd" or "sam-cd"; empty = either.
        fastsam: FastSAM's file, read only where the network has it.
        fastsam_sha256: of that file; a network that says that it was trained with another is refused.

    Raises:
        UserError: a file is missing, damaged, or another network's.
    """
    place = Path(path)
    described = describe(place, annotator)
    with naming(place):
        config = MetaCdConfig.from_mapping(described.config)
    with torch.device("meta"):
        network = MetaCd(config, nn.Identity() if config.sam else None)
    tensors = load_tensors(place)
    compare(place, tensors, network.own_state())
    checked = {name: fitting(place, name, tensors[name], like) for name, like in network.own_state().items()}
    if config.sam:
        if fastsam is None:
            raise UserError(f"{place}: this network was trained with FastSAM; name its file too")
        if fastsam_sha256 and described.fastsam and described.fastsam != fastsam_sha256:
            told = f"{one_line(described.fastsam, 64)}, found {fastsam_sha256}"
            raise UserError(f"{place}: this network was trained with the FastSAM of SHA-256 {told}; name that one")
        network.encoders.sam = load_fastsam(fastsam, config)
    network.load_own_state(checked)
    return network.eval()
