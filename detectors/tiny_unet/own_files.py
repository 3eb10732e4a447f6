"""Weight files of tiny-unet, which say their sizes themselves.

The JSON object of such a file (`imlbench.weights.own`) has `format` "imlbench-tiny-unet", `version` 1, `config` (every
field of `TinyUnetConfig`) and `facts`, what the training tells.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from detectors.tiny_unet.config import TinyUnetConfig
from detectors.tiny_unet.network import TinyUnet
from imlbench.errors import UserError, one_line
from imlbench.weights.loading import finite, load_tensors
from imlbench.weights.own import ENTRY, expect_version, naming, not_finite, write_own

FORMAT = "imlbench-tiny-unet"
VERSION = 1


class Description(NamedTuple):
    """What a file says of itself.

    Attributes:
        config: of the network.
        facts: what the training tells.
    """

    config: TinyUnetConfig
    facts: Mapping[str, Any]


def save_network(path: str | Path, network: TinyUnet, facts: Mapping[str, Any] | None = None) -> str:
    """Write a network, whole or not at all. Equal networks and facts give equal files.

    Args:
        path: ends in .safetensors; an existing file is replaced.
        network: on any device.
        facts: JSON-serialisable.

    Returns:
        The file's SHA-256, hexadecimal.

    Raises:
        UserError: the file cannot be written, or has another ending; or a weight is not finite.
        ValueError: the facts are no JSON.
    """
    state = network.state_dict()
    if name := not_finite(state):
        raise UserError(f"{path}: {name}: NaN or infinity among the weights, nothing is saved; lower learning_rate")
    values = {"format": FORMAT, "version": VERSION, "config": asdict(network.config), "facts": dict(facts or {})}
    return write_own(path, state, values)


def describe(path: str | Path) -> Description:
    """What a weight file says of itself.

    Raises:
        UserError: it is missing, damaged, another network's, or of another format version.
    """
    place = Path(path)
    if not os.path.isfile(place):
        raise UserError(f"{place}: no such weight file")
    try:
        with safe_open(place, framework="pt") as file:
            text = (file.metadata() or {}).get(ENTRY)
        values = json.loads(text) if text is not None else None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise UserError(f"{place}: truncated, damaged or no weight file ({one_line(error, 120)})") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(f"{place}: expected weights of tiny-unet, found another network's")
    expect_version(place, values, VERSION)
    config, facts = values.get("config"), values.get("facts", {})
    if not isinstance(config, dict) or not isinstance(facts, dict):
        raise UserError(f"{place}: damaged: expected config and facts as tables")
    with naming(place):
        return Description(TinyUnetConfig.from_mapping(config), facts)


def load_network(path: str | Path) -> TinyUnet:
    """The network of a file, in evaluation mode, on the processor. Nothing in the file is executed.

    Raises:
        UserError: as `describe`; or its tensors are not this network's or not finite.
    """
    place = Path(path)
    network = TinyUnet(describe(place).config)
    tensors = load_tensors(place, network)
    network.load_state_dict({name: finite(place, name, value) for name, value in tensors.items()})
    return network.eval()
