"""The sizes of the network, typed and checked; a weight file's header holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from imlbench.errors import UserError, one_line

MOST_PARAMETERS = 4_000_000
CELL = 4
"""Side, in pixels, of the squares that the network describes before its first level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyUnetConfig:
    """What decides the network's shapes.

    Attributes:
        widths: channels of each level, the first over cells of `CELL` pixels a side; each further one halves the sides.
        residual: whether the network also sees what three fixed high-pass filters leave of each colour, and how strong
            that is in each cell.
        context: whether the deepest level is told its mean and maximum over the image: an edit is what differs
            from the rest.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    widths: tuple[int, ...] = (48, 64, 96)
    residual: bool = True
    context: bool = True

    def __post_init__(self) -> None:
        right = type(self.widths) is tuple and all(type(width) is int for width in self.widths)
        if not (right and 2 <= len(self.widths) <= 6 and all(4 <= width <= 512 for width in self.widths)):
            raise UserError(f"widths: expected 2 to 6 numbers from 4 to 512, found {one_line(repr(self.widths), 60)}")
        for name in ("residual", "context"):
            if type(getattr(self, name)) is not bool:
                raise UserError(f"{name}: expected true or false, found {one_line(repr(getattr(self, name)), 40)}")

    @property
    def multiple(self) -> int:
        """The network's input is padded to sides that are multiples of this."""
        return CELL << (len(self.widths) - 1)

    @staticmethod
    def from_mapping(values: Mapping[str, Any]) -> TinyUnetConfig:
        """From JSON or TOML; what is not named has its default.

        Raises:
            UserError: an unknown name, or as the class.
        """
        known = [entry.name for entry in fields(TinyUnetConfig)]
        if unknown := [name for name in values if name not in known]:
            raise UserError(f"unknown key {one_line(repr(unknown[0]), 40)}; the keys are {', '.join(known)}")
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return TinyUnetConfig(**given)


PRESETS: Mapping[str, TinyUnetConfig] = MappingProxyType(
    {
        "tiny-unet": TinyUnetConfig(),
        "nano": TinyUnetConfig(widths=(16, 24, 32)),
    }
)
"""By name; the first is the usual one."""
