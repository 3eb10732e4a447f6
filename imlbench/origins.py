"""Where a rebuilt method's values come from: stated by its paper (S), or inferred by whoever rebuilt it (I)."""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple


class Fact(NamedTuple):
    """One line of the model card: a field, its value, S or I, and where that comes from."""

    name: str
    value: Any
    origin: str
    note: str


def stated(default: Any, section: str) -> Any:
    """A field whose default the paper states, with the section that does."""
    return field(default=default, metadata={"origin": "S", "note": section})


def inferred(default: Any, reason: str) -> Any:
    """A field whose default the paper does not give, with the reason for the value taken here."""
    return field(default=default, metadata={"origin": "I", "note": reason})
