"""The network's sizes, and how pairs reach it; each value marked as stated of version 1 (S) or inferred here (I).

Nothing heavy is imported here. The statements are those of "CAAA" in its first published version (arXiv 2508.20987).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, NamedTuple

from imlbench.errors import UserError, one_line
from imlbench.inference.sizes import limited
from imlbench.network_config import LARGEST_WIDTH, Checked
from imlbench.origins import Fact, inferred, stated

LITE0 = "efficientnet-lite0"
"""The encoder whose ImageNet weights come with a Python package."""
TIMM = "timm:"
"""Begins the name of an encoder of the package timm."""
NAME = re.compile(r"[a-z0-9][a-z0-9_.]{0,79}")
"""An encoder's name: no hub's address and no path, which timm would follow."""
COARSEST = 32
"""Stride of the coarsest map."""
FINEST = (2, 4, 8)
LARGEST_SIDE = 4096
"""Pixels of the longer side that a pair may be enlarged to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DassConfig(Checked):
    """The network: an encoder, a pyramid over it, one logit a position.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    encoder: str = inferred("convnext_small", "version 1 has VAN of size B5 (90 M parameters); torchvision has no VAN")
    finest_stride: int = inferred(4, "of the pyramid's finest map and of the logits: 2, 4 or 8")
    pool_sides: tuple[int, ...] = inferred((1, 2, 3, 6), "UPerNet's own: cells a side that the coarsest map is seen in")
    width: int = inferred(256, "channels of the pyramid")
    norm_groups: int = inferred(32, "groups of the head's GroupNorm, which unlike BatchNorm knows no batch")

    def check(self) -> None:
        name = self.encoder.removeprefix(TIMM)
        if self.encoder != LITE0 and not NAME.fullmatch(name):
            found = one_line(repr(self.encoder), 60)
            raise UserError(f"encoder: expected the name of one, such as resnet18 or {TIMM}pvt_v2_b0, found {found}")
        if self.finest_stride not in FINEST:
            raise UserError(f"finest_stride: expected one of {FINEST}, found {self.finest_stride}")
        if not all(1 <= side <= 32 for side in self.pool_sides) or len(self.pool_sides) > 8:
            raise UserError(f"pool_sides: expected up to 8 numbers from 1 to 32, found {self.pool_sides}")
        if not (0 < self.width <= LARGEST_WIDTH and self.norm_groups > 0) or self.width % self.norm_groups:
            raise UserError(f"expected a width up to {LARGEST_WIDTH} that is a multiple of norm_groups")

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the encoder's maps that are used, finest first."""
        return tuple(stride for stride in (2, 4, 8, 16, 32) if stride >= self.finest_stride)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPolicy(Checked):
    """How pairs of any size reach the network.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    side: int = stated(1024, "version 1 infers at 1024 x 1024")
    stretch: bool = stated(True, "to side x side, aspect not kept; else the longer side becomes side")
    enlarge: bool = inferred(True, "where not stretched: whether smaller pairs are enlarged")
    flips: bool = stated(True, "logits are averaged over the pair and two flips, left to right and upside down")

    def check(self) -> None:
        if not COARSEST <= self.side <= LARGEST_SIDE or self.side % COARSEST:
            found = f"expected a multiple of {COARSEST} up to {LARGEST_SIDE}, found {self.side}"
            raise UserError(f"side: {found}")

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a pair of this native size is seen: multiples of 32 pixels."""
        if self.stretch:
            return self.side, self.side
        return limited(height, width, self.side, COARSEST, self.enlarge)

    @property
    def words(self) -> str:
        """In a few words, for a card."""
        if self.stretch:
            seen = f"resized to {self.side} x {self.side}"
        else:
            seen = f"seen with the longer side {'' if self.enlarge else 'at most '}{self.side}"
        return f"{seen}{', averaged over two flips' if self.flips else ''}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


class Preset(NamedTuple):
    """A network and how pairs reach it.

    Attributes:
        config: of the network.
        policy: of its input.
    """

    config: DassConfig
    policy: InputPolicy


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "dass": Preset(DassConfig(), InputPolicy()),
        "dass-small": Preset(
            DassConfig(encoder=LITE0, width=64, norm_groups=8), InputPolicy(side=512, stretch=False, flips=False)
        ),
    }
)
"""`dass-small` is for processors, over the backbone of `sigma-lite`, and sees pairs at its size."""


def preset(name: str) -> Preset:
    """A named network.

    Raises:
        UserError: there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(f"dass has the presets {' and '.join(PRESETS)}, found {one_line(repr(name), 60)}")
    return PRESETS[name]


def facts(name: str) -> list[Fact]:
    """The origin of every value of a preset; one that differs from `dass` is inferred.

    Raises:
        UserError: there is no such preset.
    """
    lines = []
    for part in preset(name):
        for entry in fields(part):
            value, origin = getattr(part, entry.name), entry.metadata["origin"]
            note = entry.metadata["note"] if value == entry.default else f"dass has {entry.default}"
            lines.append(Fact(entry.name, value, origin if value == entry.default else "I", note))
    return lines
