"""The sizes of a network, out of a file or a table: typed and checked before a network is built by them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

from imlbench.errors import UserError, one_line

LARGEST_WIDTH = 4096
"""Channels of a map; a file that asks for more is no network of this project's."""


class Checked:
    """Types of the fields, checked against the defaults, and construction from a parsed table."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """A configuration from a parsed JSON or TOML table; what it does not name keeps its default.

        Raises:
            UserError: an unknown field, a wrong type, or a value out of range.
        """
        known = [entry.name for entry in fields(cls)]  # type: ignore[arg-type]
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(known)}"
                raise UserError(f"{cls.__name__} has no field {one_line(repr(name), 60)}; {hint}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]
            value = getattr(self, entry.name)
            if not fits(value, entry.default):
                kind = "whole numbers" if type(entry.default) is tuple else type(entry.default).__name__
                raise UserError(f"{entry.name}: expected {kind}, found {one_line(repr(value), 60)}")
        self.check()

    def check(self) -> None:
        """Raise `UserError` where a value is out of range or two contradict each other."""


def fits(value: Any, default: Any) -> bool:
    """Whether a value has its default's type; whole numbers are numbers too, tuples hold whole numbers."""
    if type(default) is tuple:
        return type(value) is tuple and len(value) > 0 and all(type(item) is int for item in value)
    if type(default) is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is type(default)
