"""How pairs of any size reach the network: at which sizes it looks, and what is averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from annotators.sigma.network.config import Fact, inferred, stated
from imlbench.errors import UserError

Size = tuple[int, int]
"""Height and width in pixels."""
LARGEST = 4096
"""Pixels of the longest side that a policy may ask for: beyond, a forward pass is no longer bounded by 1.5 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferencePolicy:
    """The sizes at which a network sees a pair. The defaults are SIGMA's; `facts` lists the origin of each.

    Raises:
        UserError: a value is out of range.
    """

    square: int = stated(518, "3.2.1: both images are resized to this side, aspect not kept; 0 = by long_sides")
    long_sides: tuple[int, ...] = inferred((), "where square is 0: the longer sides, whose maps are averaged")
    enlarge: bool = inferred(False, "where square is 0: whether smaller pairs are enlarged to the longer side")
    multiple: int = inferred(1, "where square is 0: sides are rounded to multiples of this")
    flips: bool = inferred(False, "whether the map of the mirrored pair is averaged in")
    threshold: float = inferred(0.5, "of the probability at native size; stated by the specification's item 10")

    def __post_init__(self) -> None:
        if self.square < 0 or self.multiple < 1 or not 0 < self.threshold < 1:
            raise UserError("SIGMA's inference: expected square >= 0, multiple >= 1 and a threshold between 0 and 1")
        if bool(self.square) == bool(self.long_sides):
            raise UserError("SIGMA's inference: expected either square or long_sides, found both or none")
        if self.square > LARGEST or any(not self.multiple <= side <= LARGEST for side in self.long_sides):
            raise UserError(f"SIGMA's inference: expected sides from {self.multiple} to {LARGEST} pixels")

    def sizes(self, height: int, width: int) -> tuple[Size, ...]:
        """Height and width at which a pair of this native size is seen, each once."""
        if self.square:
            return ((self.square, self.square),)
        return tuple(dict.fromkeys(self._limited(height, width, side) for side in self.long_sides))

    def _limited(self, height: int, width: int, side: int) -> Size:
        """Scaled to the longer side; where nothing is to be enlarged, a smaller one is taken to the next multiple."""
        scale = side / max(height, width)
        scale = scale if self.enlarge else min(1.0, scale)
        return self._rounded(height * scale, side), self._rounded(width * scale, side)

    def _rounded(self, pixels: float, side: int) -> int:
        """The nearest multiple that is neither nothing nor beyond the limit."""
        most = side // self.multiple
        return self.multiple * min(most, max(1, round(pixels / self.multiple)))


SIGMA_POLICY = InferencePolicy()
LITE_POLICY = InferencePolicy(square=0, long_sides=(512,), enlarge=True, multiple=32)
LITE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "square": "a convolutional backbone takes any size; a stretched photograph is unlike what it was trained on",
        "long_sides": "larger photographs are shrunk to it, which bounds time and memory",
        "enlarge": "the map has half of the network's size: a small image's outlines gain from enlarging it",
        "multiple": "the backbone's coarsest stride: all levels lie on one lattice",
    }
)
POLICIES: Mapping[str, InferencePolicy] = MappingProxyType({"sigma": SIGMA_POLICY, "sigma-lite": LITE_POLICY})


def policy_facts(name: str) -> list[Fact]:
    """The origin of every value of a preset's policy, for its model card."""
    policy, lines = POLICIES[name], []
    for entry in fields(policy):
        value, origin, note = getattr(policy, entry.name), entry.metadata["origin"], entry.metadata["note"]
        if value != entry.default:
            origin, note = "I", f"SIGMA has {entry.default}; {LITE_REASONS.get(entry.name, note)}"
        lines.append(Fact(entry.name, value, origin, note))
    return lines
