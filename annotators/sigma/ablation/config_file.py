"""A training configuration as a TOML file that `imlbench train sigma --config` reads back to the same one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from annotators.sigma.training.config import TrainingConfig


def toml_text(config: TrainingConfig) -> str:
    """Every field, so that no preset's later change reaches a run that was begun."""
    values = config.to_dict()
    network = values.pop("network")
    return f"{table_text(values)}\n[network]\n{table_text(network)}"


def table_text(values: Mapping[str, Any]) -> str:
    """One line per key."""
    return "".join(f"{key} = {value_text(value)}\n" for key, value in values.items())


def value_text(value: Any) -> str:
    """A text, a number, a truth value, or a list of them."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, str):
        # JSON's strings are TOML's, but for one character that TOML wants escaped and JSON does not.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
