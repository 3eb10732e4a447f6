"""Weight files of tiny-unet, which say their sizes themselves.

They are safetensors files whose metadata has one entry, `imlbench`, a JSON object with sorted keys: `format`
"imlbench-tiny-unet", `version` 1, `config` (every field of `TinyUnetConfig`) and `facts`, what the training tells.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from detectors.tiny_unet.config import TinyUnetConfig
from detectors.tiny_unet.network import TinyUnet
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.weights.loading import SAFETENSORS, load_tensors

FORMAT = "imlbench-tiny-unet"
VERSION = 1
ENTRY = "imlbench"


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
    """
    place = Path(path)
    if place.suffix != SAFETENSORS:
        raise UserError(f"{place}: expected a name that ends in {SAFETENSORS}")
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in sorted(network.state_dict().items())}
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise UserError(
                f"{place}: {name}: NaN or infinity among the weights, nothing is saved; lower learning_rate"
            )
    values = {"format": FORMAT, "version": VERSION, "config": asdict(network.config), "facts": dict(facts or {})}
    data: bytes = save(tensors, {ENTRY: json.dumps(values, sort_keys=True, allow_nan=False)})
    write_atomically(place, data)
    return hashlib.sha256(data).hexdigest()


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
    if values.get("version") != VERSION:
        raise UserError(f"{place}: expected format version {VERSION}, found {one_line(repr(values['version']), 40)}")
    config, facts = values.get("config"), values.get("facts", {})
    if not isinstance(config, dict) or not isinstance(facts, dict):
        raise UserError(f"{place}: damaged: expected config and facts as tables")
    try:
        return Description(TinyUnetConfig.from_mapping(config), facts)
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def load_network(path: str | Path) -> TinyUnet:
    """The network of a file, in evaluation mode, on the processor. Nothing in the file is executed.

    Raises:
        UserError: as `describe`; or its tensors are not this network's or not finite.
    """
    place = Path(path)
    network = TinyUnet(describe(place).config)
    tensors = load_tensors(place, network)
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise UserError(f"{place}: {one_line(name, 80)}: expected finite weights")
    network.load_state_dict(tensors)
    return network.eval()
