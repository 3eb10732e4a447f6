"""A trained network as one safetensors file: its trainable tensors, its configuration, and how it came to be.

The file's metadata has one entry, `imlbench`, a JSON object with sorted keys:

- `format` "imlbench-sigma" and `version` 1;
- `preset`: the preset's name, empty where the configuration is none of them;
- `config`: every field of `SigmaConfig`;
- `facts`: what the training wants to tell of itself (seed, steps, scores, data, ...), any JSON.

One entry and not several, because the format's writer puts several in no fixed order and equal checkpoints shall be
equal files. The frozen encoder is not in it: its weights have a file, a licence and a hash of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.model import Sigma
from annotators.sigma.network.presets import PRESETS
from imlbench.backbones.encoder import Encoder
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically

FORMAT = "imlbench-sigma"
VERSION = 1
ENTRY = "imlbench"
MAX_BYTES = 1 << 30
"""Larger files cannot be SIGMA's trainable parts and are not read."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        path: the file, for messages.
        config: the network.
        preset: the preset's name, empty where the configuration is none of them.
        facts: what the training tells of itself.
        tensors: by the network's own names, float32, on the CPU.
        sha256: hexadecimal digest of the file.
    """

    path: Path
    config: SigmaConfig
    preset: str
    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    sha256: str


def save_checkpoint(
    path: str | Path, network: Sigma, facts: Mapping[str, Any] | None = None, half: bool = False
) -> str:
    """Write the network's trainable parts, whole or not at all. Equal networks and facts give equal files.

    Args:
        path: the file, ending in .safetensors; an existing one is replaced.
        network: on any device, in any floating-point type.
        facts: JSON-serialisable.
        half: whether the weights are stored as float16 instead of float32.

    Returns:
        The file's SHA-256, hexadecimal.

    Raises:
        UserError: the file cannot be written.
        ValueError: a weight is not finite, or the facts are no JSON.
    """
    # Copies: the writer refuses tensors that share memory or are strided, and the network's may do either.
    tensors = {
        name: value.detach().to("cpu", torch.float16 if half else torch.float32).contiguous().clone()
        for name, value in sorted(network.state_dict().items())
    }
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name}: expected finite weights, found NaN or infinity; nothing is saved")
    data: bytes = save(tensors, {ENTRY: _description(network.config, facts or {})})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def read_checkpoint(path: str | Path, sha256: str = "") -> Checkpoint:
    """The content of a checkpoint file; nothing in it is executed.

    Args:
        path: the file.
        sha256: what it must hash to; empty = unchecked.

    Raises:
        UserError: it is missing, too large, damaged, no checkpoint of SIGMA, of another format version, or has
            another hash.
    """
    place = Path(path)
    data = _read(place)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 and digest != sha256:
        raise UserError(f"{place}: expected SHA-256 {sha256}, found {digest}; the file is damaged or another one")
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        reason = one_line(f"{type(error).__name__}: {error}", 160)
        raise UserError(f"{place}: not a safetensors file that loads ({reason})") from error
    config, preset, facts = _described(place, header.get("__metadata__") or {})
    return Checkpoint(place, config, preset, facts, _as_float32(place, tensors), digest)


def build_network(checkpoint: Checkpoint, encoder: Encoder) -> Sigma:
    """The trained network over its frozen encoder, in evaluation mode, on the CPU. Draws no random numbers.

    Args:
        checkpoint: names every trainable tensor of its configuration, and no other.
        encoder: `build_encoder(checkpoint.config)`, or one like it.

    Raises:
        UserError: the tensors do not fit the configuration.
    """
    # Without memory first: sizes out of a file are believed only once they agree with the tensors beside them.
    with torch.device("meta"):
        network = Sigma(checkpoint.config, encoder)
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in checkpoint.tensors.items()}
    if expected != found:
        raise UserError(f"{checkpoint.path}: not the weights of its configuration: {_disagreement(expected, found)}")
    network.load_state_dict(dict(checkpoint.tensors), strict=True, assign=True)
    return network.eval()


def preset_of(config: SigmaConfig) -> str:
    """The name of the preset that is this configuration, empty where none is."""
    return next((name for name, known in PRESETS.items() if known == config), "")


def _description(config: SigmaConfig, facts: Mapping[str, Any]) -> str:
    values = {
        "format": FORMAT,
        "version": VERSION,
        "preset": preset_of(config),
        "config": asdict(config),
        "facts": dict(facts),
    }
    try:
        return json.dumps(values, sort_keys=True, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"a checkpoint's facts must be JSON: {error}") from error


def _read(place: Path) -> bytes:
    # Asked for first: opening a named pipe would wait for ever.
    if not os.path.isfile(place):
        raise UserError(f"SIGMA's checkpoint: no such file: {place}")
    try:
        if place.stat().st_size > MAX_BYTES:
            raise UserError(f"{place}: expected SIGMA's checkpoint, at most {MAX_BYTES >> 20} MiB, found more")
        return place.read_bytes()
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror})") from error


def _described(place: Path, metadata: Any) -> tuple[SigmaConfig, str, Mapping[str, Any]]:
    """Configuration, preset and facts out of the file's metadata."""
    text = metadata.get(ENTRY) if isinstance(metadata, Mapping) else None
    try:
        values = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(f"{place}: no checkpoint of SIGMA: expected metadata of format {FORMAT!r}; train one first")
    if values.get("version") != VERSION:
        found = one_line(repr(values.get("version")), 40)
        raise UserError(f"{place}: expected a checkpoint of format version {VERSION}, found {found}")
    config, preset, facts = values.get("config"), values.get("preset", ""), values.get("facts", {})
    if not (isinstance(config, dict) and isinstance(preset, str) and isinstance(facts, dict)):
        raise UserError(f"{place}: damaged: expected config and facts as tables and preset as text")
    try:
        return SigmaConfig.from_mapping(config), preset, MappingProxyType(facts)
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def _as_float32(place: Path, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    for name, value in tensors.items():
        if not (value.is_floating_point() and torch.isfinite(value).all()):
            raise UserError(f"{place}: {one_line(name, 80)}: expected finite floating-point weights")
    return {name: value.to(torch.float32) for name, value in tensors.items()}


def _disagreement(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> str:
    """The first disagreement of names and shapes, in words."""
    missing, surplus = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing:
        return f"{len(missing)} tensors missing, {missing[0]} first"
    if surplus:
        return f"{len(surplus)} tensors too many, {one_line(surplus[0], 80)} first"
    name = next(name for name in expected if expected[name] != found[name])
    return f"{name}: expected {expected[name]}, found {found[name]}"
