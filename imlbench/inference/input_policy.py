"""How pairs of any size reach a network of a fixed one: resized, or cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, get_args

from imlbench.errors import UserError, one_line

Fit = Literal["resize", "tile"]
FITS: tuple[str, ...] = get_args(Fit)
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


class Tile(NamedTuple):
    """A square of an image.

    Attributes:
        top: row of its first pixel.
        left: column of its first pixel.
    """

    top: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPolicy:
    """How the network looks at pairs.

    Attributes:
        fit: "resize" shows it the whole pair at its size, aspect not kept; "tile" shows it pieces of its size at the
            pair's own scale, which finds smaller edits and takes the longer the larger the pair is.
        overlap: of neighbouring tiles, in pixels; where they overlap, both count, the less the nearer their rim.
        precision: of the network on an accelerator: auto (float16, closer than bfloat16, and float32 wherever a value
            grows beyond its range), float32, bfloat16 or float16. A processor always computes in float32.

    Raises:
        UserError: a value is out of range.
    """

    fit: Fit = "resize"
    overlap: int = 64
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise UserError(f"the input: expected {' or '.join(FITS)}, found {one_line(repr(self.fit), 60)}")
        if type(self.overlap) is not int or self.overlap < 0:
            raise UserError(f"the overlap: expected whole pixels from 0, found {one_line(repr(self.overlap), 60)}")
        if self.precision not in PRECISIONS:
            found = one_line(repr(self.precision), 60)
            raise UserError(f"the precision: expected one of {', '.join(PRECISIONS)}, found {found}")

    @property
    def identity(self) -> str:
        """What of it changes scores, in short; empty for the usual one."""
        usual = InputPolicy()
        parts: list[str] = [self.fit] if self.fit != usual.fit else []
        parts += [f"overlap-{self.overlap}"] if self.fit == "tile" and self.overlap != usual.overlap else []
        parts += [self.precision] if self.precision != usual.precision else []
        return "+".join(parts)

    def tiles(self, height: int, width: int, side: int) -> list[Tile]:
        """Squares of `side` pixels that cover an image, row by row; the last ones end with the image.

        Raises:
            UserError: the overlap leaves no way to go on.
        """
        if self.overlap >= side:
            raise UserError(f"the overlap: expected less than the tile's {side} pixels, found {self.overlap}")
        rows, columns = (self._starts(length, side) for length in (height, width))
        return [Tile(top, left) for top in rows for left in columns]

    def _starts(self, length: int, side: int) -> list[int]:
        """First pixels along one axis."""
        last = max(0, length - side)
        return [*range(0, last, side - self.overlap), last]


def policy_of(fit: str) -> InputPolicy:
    """The policy that a word of the environment asks for; empty = the usual one.

    Raises:
        UserError: it is neither "resize" nor "tile".
    """
    return InputPolicy(fit=cast("Fit", fit)) if fit else InputPolicy()
