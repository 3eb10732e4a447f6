"""The sizes of the diffusion model and of the change head; the defaults are the published ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from imlbench.errors import UserError, one_line
from imlbench.network_config import LARGEST_WIDTH, Checked

STEPS_BY_NUMBER: Mapping[int, tuple[int, ...]] = MappingProxyType(
    {2: (50, 100), 3: (50, 100, 400), 4: (50, 100, 400, 650)}
)
"""The diffusion steps of the published heads, which do not name them, by how many they join."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorConfig(Checked):
    """The diffusion model, whose decoder gives the features.

    Attributes:
        base_width: channels of the finest level.
        multipliers: channels of each level, fine to coarse, in units of `base_width`.
        blocks: residual blocks of an encoder level; a decoder level has one more.
        attention_sides: sides, in positions, of the levels that attend.
        norm_groups: groups of every GroupNorm.
        dropout: within residual blocks, while the diffusion model itself is trained.
        image_size: side of the input in pixels.
        schedule_steps: diffusion steps T.
        beta_first: variance added by step 1.
        beta_last: variance added by step T; linear in between.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    base_width: int = 128
    multipliers: tuple[int, ...] = (1, 2, 4, 8, 8)
    blocks: int = 2
    attention_sides: tuple[int, ...] = (16,)
    norm_groups: int = 32
    dropout: float = 0.2
    image_size: int = 256
    schedule_steps: int = 2000
    beta_first: float = 1e-6
    beta_last: float = 1e-2

    def check(self) -> None:
        whole = (self.base_width, *self.multipliers, self.blocks, self.norm_groups, self.image_size, *self.widths)
        if not all(0 < value <= LARGEST_WIDTH for value in whole) or len(self.multipliers) > 8 or self.blocks > 8:
            raise UserError("the diffusion model: expected positive sizes, at most 8 levels and 8 blocks a level")
        if self.base_width % 2 or any(width % self.norm_groups for width in self.widths):
            raise UserError(
                f"the diffusion model: expected an even base_width and widths {self.widths} that are "
                f"multiples of norm_groups = {self.norm_groups}"
            )
        if self.image_size % self.multiple:
            raise UserError(f"image_size: expected a multiple of {self.multiple}, found {self.image_size}")
        if not (0 <= self.dropout < 1 and 0 < self.beta_first <= self.beta_last < 1):
            raise UserError("expected 0 <= dropout < 1 and 0 < beta_first <= beta_last < 1")
        if not 0 < self.schedule_steps <= 100_000:
            raise UserError(f"schedule_steps: expected 1 to 100,000, found {self.schedule_steps}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, fine to coarse."""
        return tuple(self.base_width * multiplier for multiplier in self.multipliers)

    @property
    def multiple(self) -> int:
        """Sides of the input are multiples of this, in pixels."""
        return 1 << (len(self.multipliers) - 1)

    @property
    def maps(self) -> int:
        """How many decoder activations there are: 15 where published, counted from the finest, last-made one."""
        return len(self.multipliers) * (self.blocks + 1)

    def level_of(self, index: int) -> int:
        """The level, 0 = finest, that a decoder activation belongs to. Its stride is 2 ** level."""
        return index // (self.blocks + 1)

    def attends(self, level: int) -> bool:
        """Whether the blocks of a level attend."""
        return (self.image_size >> level) in self.attention_sides


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig(Checked):
    """The change head.

    Attributes:
        steps: diffusion steps t at which the images are seen; each may be 1 to T.
        maps: decoder activations that are compared, one a level, finest first.
        hidden: channels of the first of the two last convolutions.
        reduction: of the channel squeeze.
        finest: whether the finest level's comparison reaches the result. The published network makes it and then goes
            on without it, so that its weights are in the file but of no effect; True is a variant of this project.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    steps: tuple[int, ...] = (50, 100, 400)
    maps: tuple[int, ...] = (2, 5, 8, 11, 14)
    hidden: int = 64
    reduction: int = 2
    finest: bool = False

    def check(self) -> None:
        if any(step < 1 for step in self.steps) or list(self.steps) != sorted(set(self.steps)) or len(self.steps) > 16:
            raise UserError(f"steps: expected up to 16 different ones in rising order from 1, found {self.steps}")
        if any(index < 0 for index in self.maps) or list(self.maps) != sorted(set(self.maps)) or len(self.maps) < 2:
            raise UserError(f"maps: expected at least two different ones in rising order, found {self.maps}")
        if not 0 < self.hidden <= LARGEST_WIDTH or self.reduction < 1:
            raise UserError("the change head: expected hidden and reduction of at least 1")

    @property
    def wanted(self) -> tuple[int, ...]:
        """The decoder activations that have an effect, finest first."""
        return self.maps if self.finest else self.maps[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class DdpmCdConfig:
    """A diffusion model and a change head that fit together.

    Raises:
        UserError: they do not.
    """

    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    head: HeadConfig = field(default_factory=HeadConfig)

    def __post_init__(self) -> None:
        known, asked = self.extractor, self.head
        if asked.steps[-1] > known.schedule_steps:
            raise UserError(f"steps: expected at most {known.schedule_steps}, found {asked.steps[-1]}")
        levels = [known.level_of(index) for index in asked.maps]
        if levels != list(range(len(known.multipliers))):
            raise UserError(
                f"maps: expected one of each of the {len(known.multipliers)} levels, found {asked.maps} "
                f"of levels {', '.join(map(str, levels))}"
            )

    @property
    def head_widths(self) -> tuple[int, ...]:
        """Channels of the compared activations, finest first."""
        return tuple(self.extractor.widths[self.extractor.level_of(index)] for index in self.head.maps)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return dataclasses.asdict(self)


PUBLISHED = DdpmCdConfig()
SMALL = DdpmCdConfig(
    extractor=ExtractorConfig(
        base_width=32, multipliers=(1, 2, 2, 4, 4), norm_groups=8, dropout=0.0, image_size=128, attention_sides=(8,)
    ),
    head=HeadConfig(steps=(50, 100), hidden=32, finest=True),
)
"""For processors and tests. Nobody has published weights of it."""
PRESETS: Mapping[str, DdpmCdConfig] = MappingProxyType({"published": PUBLISHED, "small": SMALL})


def preset(name: str) -> DdpmCdConfig:
    """A named configuration.

    Raises:
        UserError: there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(f"ddpm-cd has the presets {' and '.join(PRESETS)}, found {one_line(repr(name), 60)}")
    return PRESETS[name]
