"""At which sizes a network that takes any size sees a pair."""

from __future__ import annotations

from dataclasses import dataclass

from imlbench.errors import UserError

Size = tuple[int, int]
"""Height and width in pixels."""
LARGEST = 4096
"""Pixels of the longest side that a policy may ask for: beyond, a forward pass is no longer bounded by 1.5 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePolicy:
    """The sizes at which a network sees a pair.

    Attributes:
        square: both images are resized to this side, aspect not kept; 0 = by `long_sides`.
        long_sides: where `square` is 0: the longer sides, whose maps are averaged.
        enlarge: where `square` is 0: whether smaller pairs are enlarged to the longer side.
        multiple: where `square` is 0: sides are rounded to multiples of this.

    Raises:
        UserError: a value is out of range.
    """

    square: int = 0
    long_sides: tuple[int, ...] = ()
    enlarge: bool = False
    multiple: int = 1

    def __post_init__(self) -> None:
        if self.square < 0 or self.multiple < 1:
            raise UserError("the sizes: expected square >= 0 and multiple >= 1")
        self.check_sides("the sizes")

    def check_sides(self, whose: str) -> None:
        """See that there is a side, and none beyond the limits.

        Args:
            whose: what messages begin with.

        Raises:
            UserError: there is none, or one too many.
        """
        if bool(self.square) == bool(self.long_sides):
            raise UserError(f"{whose}: expected either square or long_sides, found both or none")
        if self.square > LARGEST or any(not self.multiple <= side <= LARGEST for side in self.long_sides):
            raise UserError(f"{whose}: expected sides from {self.multiple} to {LARGEST} pixels")

    def sizes(self, height: int, width: int) -> tuple[Size, ...]:
        """Height and width at which a pair of this native size is seen, each once."""
        if self.square:
            return ((self.square, self.square),)
        seen = (limited(height, width, side, self.multiple, self.enlarge) for side in self.long_sides)
        return tuple(dict.fromkeys(seen))


def limited(height: int, width: int, side: int, multiple: int = 1, enlarge: bool = False) -> Size:
    """A size scaled to a longer side; where nothing is to be enlarged, a smaller one is only rounded.

    Args:
        height: of the pair.
        width: of the pair.
        side: the longer side of the result.
        multiple: both sides become the nearest multiple of it that is neither nothing nor beyond `side`.
        enlarge: whether smaller pairs are enlarged.
    """
    scale = side / max(height, width)
    scale = scale if enlarge else min(1.0, scale)
    rows, columns = (
        multiple * min(side // multiple, max(1, round(length * scale / multiple))) for length in (height, width)
    )
    return rows, columns
