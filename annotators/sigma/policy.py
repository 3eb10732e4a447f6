"""How pairs of any size reach the network: at which sizes it looks, and what is averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from imlbench.errors import UserError
from imlbench.inference.sizes import SizePolicy
from imlbench.origins import Fact, inferred, stated


@dataclass(frozen=True, slots=True, kw_only=True)
class InferencePolicy(SizePolicy):
    """The sizes at which a network sees a pair. The defaults are SIGMA's; `facts` lists the origin of each.

    Raises:
        UserError: a value is out of range.
    """

    square: int = stated(518, "3.2.1: both images are resized to this side, aspect not kept; 0 = by long_sides")
    long_sides: tuple[int, ...] = inferred((), "where square is 0: the longer sides, whose maps are averaged")
    enlarge: bool = inferred(False, "where square is 0: whether smaller pairs are enlarged to the longer side")
    multiple: int = inferred(1, "where square is 0: sides are rounded to multiples of this")
    undo_blur: bool = inferred(
        False, "whether a Gaussian blur of one whole image is taken back before the two are compared"
    )
    flips: bool = inferred(False, "whether the map of the mirrored pair is averaged in")
    threshold: float = inferred(0.5, "of the probability at native size; stated by the specification's item 10")

    def __post_init__(self) -> None:
        if self.square < 0 or self.multiple < 1 or not 0 < self.threshold < 1:
            raise UserError("SIGMA's inference: expected square >= 0, multiple >= 1 and a threshold between 0 and 1")
        self.check_sides("SIGMA's inference")


SIGMA_POLICY = InferencePolicy()
LITE_POLICY = InferencePolicy(square=0, long_sides=(512,), enlarge=True, multiple=32, undo_blur=True)
LITE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "square": "a convolutional backbone takes any size; a stretched photograph is unlike what it was trained on",
        "long_sides": "larger photographs are shrunk to it, which bounds time and memory",
        "enlarge": "the map has half of the network's size: a small image's outlines gain from enlarging it",
        "multiple": "the backbone's coarsest stride: all levels lie on one lattice",
        "undo_blur": "at equal blur an edit's outline stays smeared",
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
