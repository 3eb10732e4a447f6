"""What a weight file of this project's own training says of itself, read with the standard library alone.

The JSON object of such a file (`imlbench.weights.own`) has:

- `format` "imlbench-meta-cd", `version` 1;
- `annotator` "meta-cd" or "sam-cd";
- `config`: every field of `MetaCdConfig`;
- `facts`: what the training wants to tell of itself, any JSON;
- `fastsam`: SHA-256 of the file of FastSAM that it was trained with, empty where it has none. FastSAM's own weights
  are not in it: they are frozen, and under the AGPL-3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlbench.errors import UserError, one_line
from imlbench.weights.own import entry_of, expect_version

FORMAT = "imlbench-meta-cd"
VERSION = 1


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
    expect_version(place, values, VERSION)
    if annotator and values.get("annotator") != annotator:
        raise UserError(f"{place}: expected weights of {annotator}, found {one_line(values.get('annotator'), 40)}'s")
    config, facts, fastsam = values.get("config"), values.get("facts", {}), values.get("fastsam", "")
    if not (isinstance(config, dict) and isinstance(facts, dict) and isinstance(fastsam, str)):
        raise UserError(f"{place}: damaged: expected config and facts as tables and fastsam as text")
    return Description(config, facts, fastsam)
