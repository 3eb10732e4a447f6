"""What a weight file of this project's own training says of itself, read with the standard library alone.

It is a safetensors file whose metadata has one entry, `imlbench`, a JSON object with sorted keys:

- `format` "imlbench-meta-cd", `version` 1;
- `annotator` "meta-cd" or "sam-cd";
- `config`: every field of `MetaCdConfig`;
- `facts`: what the training wants to tell of itself, any JSON;
- `fastsam`: SHA-256 of the file of FastSAM that it was trained with, empty where it has none. FastSAM's own weights
  are not in it: they are frozen, and under the AGPL-3.0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlbench.errors import UserError, one_line

FORMAT = "imlbench-meta-cd"
VERSION = 1
ENTRY = "imlbench"
SUFFIX = ".safetensors"
LONGEST = 1 << 24
"""Bytes of a header; a real one has less than a hundredth of that."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a file says of itself.

    Attributes:
        config: fields of `MetaCdConfig`, not checked yet.
        facts: what the training tells.
        fastsam: SHA-256 of the file of FastSAM that it was trained with, may be empty.
    """

    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    fastsam: str

    @property
    def needs_fastsam(self) -> bool:
        """Whether the network has the frozen encoder."""
        return self.config.get("sam") is not False


def describe(place: Path, annotator: str = "") -> Description:
    """What a file says of itself.

    Args:
        place: the file.
        annotator: that it must be for, "meta-cd" or "sam-cd"; empty = either.

    Raises:
        UserError: it is missing, no such file, of another format version, damaged, or the other annotator's.
    """
    values = entry_of(place)
    if values.get("format") != FORMAT:
        raise UserError(f"{place}: expected weights of `imlbench train meta-cd` or sam-cd, found another file")
    if values.get("version") != VERSION:
        found = one_line(repr(values.get("version")), 40)
        raise UserError(f"{place}: expected format version {VERSION}, found {found}")
    if annotator and values.get("annotator") != annotator:
        raise UserError(f"{place}: expected weights of {annotator}, found {one_line(values.get('annotator'), 40)}'s")
    config, facts, fastsam = values.get("config"), values.get("facts", {}), values.get("fastsam", "")
    if not (isinstance(config, dict) and isinstance(facts, dict) and isinstance(fastsam, str)):
        raise UserError(f"{place}: damaged: expected config and facts as tables and fastsam as text")
    return Description(config, facts, fastsam)


def entry_of(place: Path) -> Mapping[str, Any]:
    """The JSON object in the metadata; empty where the file has none.

    Raises:
        UserError: the file is missing, or no safetensors file.
    """
    if place.suffix != SUFFIX:
        raise UserError(f"{place}: expected a weight file that ends in {SUFFIX}")
    if os.path.isdir(place) or not os.path.exists(place):
        raise UserError(f"{place}: no such weight file")
    try:
        with place.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= LONGEST:
                raise ValueError("the length of its header is beyond any")
            data = file.read(length)
        if len(data) != length:
            raise ValueError("it ends within its header")
        header = json.loads(data)
        text = header.get("__metadata__", {}).get(ENTRY, "{}")
        values = json.loads(text)
        return values if isinstance(values, dict) else {}
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror})") from error
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        reason = one_line(error, 120)
        raise UserError(f"{place}: truncated, damaged or no weight file ({reason}); get it again") from error
