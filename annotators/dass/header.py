"""What a weight file of `imlbench train dass` says of itself, read with the standard library alone.

The JSON object of such a file (`imlbench.weights.own`) has:

- `format` "imlbench-dass", `version` 1;
- `config`: every field of `DassConfig`;
- `input`: every field of `InputPolicy`, how pairs reach the network that was trained;
- `facts`: what the training wants to tell of itself, any JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotators.dass.config import DassConfig, InputPolicy
from imlbench.errors import UserError
from imlbench.weights.own import entry_of, expect_version, naming

FORMAT = "imlbench-dass"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Description:
    """What a file says of itself.

    Attributes:
        config: of the network.
        policy: of its input.
        facts: what the training tells.
    """

    config: DassConfig
    policy: InputPolicy
    facts: Mapping[str, Any]


def describe(place: Path) -> Description:
    """What a file says of itself.

    Raises:
        UserError: it is missing, no such file, of another format version, or damaged.
    """
    values = entry_of(place)
    if values.get("format") != FORMAT:
        raise UserError(f"{place}: expected weights of `imlbench train dass`, found another file")
    expect_version(place, values, VERSION)
    config, policy, facts = values.get("config"), values.get("input"), values.get("facts", {})
    if not (isinstance(config, dict) and isinstance(policy, dict) and isinstance(facts, dict)):
        raise UserError(f"{place}: damaged: expected config, input and facts as tables")
    with naming(place):
        return Description(DassConfig.from_mapping(config), InputPolicy.from_mapping(policy), facts)
