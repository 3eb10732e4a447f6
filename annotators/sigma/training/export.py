"""Trained weights as the adapter reads them: the trainable parts alone, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from annotators.sigma.checkpoint import read_checkpoint, save_checkpoint
from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.model import Sigma
from annotators.sigma.training.widening import widened, widens
from imlbench.errors import UserError, one_line


@dataclass(frozen=True, slots=True)
class Trained:
    """A weight file's content.

    Attributes:
        state: the trainable parts, float32, by name.
        network: the configuration that they fit.
        history: what else the file tells: training configuration, stage, seed, data, scores, commands.
    """

    state: dict[str, Tensor]
    network: SigmaConfig
    history: dict[str, Any]


def export(path: Path, network: Sigma, history: Mapping[str, Any], half: bool = False) -> None:
    """Write a network's trainable parts.

    Args:
        path: the .safetensors file.
        network: its weights and configuration.
        history: JSON-ready facts.
        half: store float16 instead of float32.

    Raises:
        UserError: the file cannot be written.
    """
    save_checkpoint(path, network, history, half)


def read_trained(path: Path) -> Trained:
    """Read what `export` wrote; nothing in the file is executed.

    Raises:
        UserError: it is missing, damaged, too large, or not SIGMA's weights.
    """
    checkpoint = read_checkpoint(path)
    return Trained(dict(checkpoint.tensors), checkpoint.config, dict(checkpoint.facts))


def load_trained(path: Path, network: Sigma) -> dict[str, Any]:
    """Fill a network from a weight file, and return the file's history.

    Weights of a network without details, sub-pixels or pixel differences fill one that has them: see `widened`.

    Raises:
        UserError: the file cannot be read, or belongs to another configuration.
    """
    trained = read_trained(path)
    state = trained.state
    if trained.network != network.config:
        if not widens(trained.network, network.config):
            raise UserError(f"{path}: its weights belong to another network configuration than the one asked for")
        state = widened(state, trained.network, network)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(f"{path}: its weights do not fit the network: {one_line(error, 200)}") from error
    return trained.history
