"""Weight files of this project's own training, which say their sizes themselves.

The JSON object of such a file (`imlbench.weights.own`) has:

- `format` "imlbench-ddpm-cd", `version` 1, `part` "extractor" or "head";
- `config`: every field of `ExtractorConfig`, or of `HeadConfig`;
- `facts`: what the training wants to tell of itself, any JSON;
- `extractor`: of a head, the SHA-256 of the diffusion model's file that it was trained on, empty where unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from annotators.ddpm_cd.head import ChangeHead
from annotators.ddpm_cd.unet import UNet
from imlbench.errors import UserError, one_line
from imlbench.weights.loading import SAFETENSORS
from imlbench.weights.own import ENTRY, expect_version, write_own

FORMAT = "imlbench-ddpm-cd"
VERSION = 1
Part = Literal["extractor", "head"]


@dataclass(frozen=True, slots=True)
class Description:
    """What one of this project's own files says of itself.

    Attributes:
        config: of the part.
        facts: what the training tells.
        extractor: of a head: SHA-256 of the diffusion model's file that it was trained on, may be empty.
    """

    config: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    extractor: str = ""


def save_part(
    path: str | Path, network: UNet | ChangeHead, facts: Mapping[str, Any] | None = None, extractor: str = ""
) -> str:
    """Write a diffusion model or a head, whole or not at all. Equal networks and facts give equal files.

    Args:
        path: ends in .safetensors; an existing file is replaced.
        network: on any device.
        facts: JSON-serialisable.
        extractor: of a head: SHA-256 of the diffusion model's file that it was trained on.

    Returns:
        The file's SHA-256, hexadecimal.

    Raises:
        UserError: the file cannot be written, or has another ending.
        ValueError: a weight is not finite, or the facts are no JSON.
    """
    part: Part = "head" if isinstance(network, ChangeHead) else "extractor"
    values = {"format": FORMAT, "version": VERSION, "part": part, "config": asdict(network.config)}
    values |= {"facts": dict(facts or {}), "extractor": extractor}
    return write_own(path, {name: value.float() for name, value in network.state_dict().items()}, values)


def describe(place: Path, part: Part) -> Description | None:
    """What a file of this project's own says of itself; None for any other file, whose sizes are published.

    Raises:
        UserError: it is the other part, of another format version, or its description is damaged.
    """
    text = metadata(place).get(ENTRY)
    if text is None:
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(f"{place}: expected weights of DDPM-CD, found another file of imlbench's")
    expect_version(place, values, VERSION)
    if values.get("part") != part:
        raise UserError(f"{place}: expected DDPM-CD's {part}, found its {one_line(values.get('part'), 40)}")
    config, facts, extractor = values.get("config"), values.get("facts", {}), values.get("extractor", "")
    if not (isinstance(config, dict) and isinstance(facts, dict) and isinstance(extractor, str)):
        raise UserError(f"{place}: damaged: expected config and facts as tables and extractor as text")
    return Description(config, facts, extractor)


def metadata(place: Path) -> Mapping[str, str]:
    """The metadata of a safetensors file; nothing where there is none, or it is no such file."""
    if place.suffix != SAFETENSORS:
        return {}
    try:
        with safe_open(place, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        # What is wrong with it is told in full by what loads the tensors.
        return {}
