"""Weight files of this project's own training, written and loaded. `header` says what is in one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotators.dass.config import InputPolicy
from annotators.dass.encoders import LiteEncoder, skeleton
from annotators.dass.header import FORMAT, VERSION, describe
from annotators.dass.model import Dass
from imlbench.weights.loading import load_tensors
from imlbench.weights.own import fitting, naming, write_own


def save_network(path: str | Path, network: Dass, policy: InputPolicy, facts: Mapping[str, Any] | None = None) -> str:
    """Write a network, whole or not at all. Equal networks, policies and facts give equal files.

    Args:
        path: ends in .safetensors; an existing file is replaced.
        network: on any device.
        policy: how pairs are to reach it.
        facts: JSON-serialisable.

    Returns:
        The file's SHA-256, hexadecimal.

    Raises:
        UserError: the file cannot be written, or has another ending.
        ValueError: a weight is not finite, or the facts are no JSON.
    """
    values = {"format": FORMAT, "version": VERSION, "config": network.config.to_dict(), "input": policy.to_dict()}
    return write_own(path, network.state_dict(), values | {"facts": dict(facts or {})})


def load_network(path: str | Path) -> tuple[Dass, InputPolicy]:
    """A network out of a file, in evaluation mode, on the CPU, and how pairs reach it.

    Args:
        path: written by `save_network`.

    Raises:
        UserError: the file is missing, damaged, or another network's; or its encoder's package is not installed.
    """
    place = Path(path)
    described = describe(place)
    with naming(place):
        # Shapes first: a file that asks for a huge network must hold it to get it.
        network = skeleton(lambda: Dass(described.config))
    tensors = load_tensors(place, network)
    like = network.state_dict()
    if any(value.is_meta and name not in like for name, value in network.named_buffers()):
        # Tables that a network computes when it is built are in no file.
        network = Dass(described.config)
    # Copied: within a file's bytes tensors lie unaligned, for which other instructions round otherwise.
    fitted = {name: fitting(place, name, value, like[name]).clone() for name, value in tensors.items()}
    network.load_state_dict(fitted, assign=True)
    if isinstance(network.encoder, LiteEncoder):
        network.encoder.lay_out()
    return network.eval(), described.policy
