"""What an ablation has to train: the variants asked for, the stages that they go through, and where each lies."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from annotators.sigma.network.presets import Variant, variants
from annotators.sigma.training.presets import read_training_config
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from annotators.sigma.network.config import SigmaConfig
    from annotators.sigma.training.config import TrainingConfig

FINAL = "final.safetensors"
"""Appears, whole, when a stage is finished."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One training run of the ablation.

    Attributes:
        owner: the variant whose folder it has; another one may go on from it.
        number: 1 or 2.
        config: every number of it.
        folder: where it lies.
        before: the stage whose weights it starts from, None for Stage I.
    """

    owner: str
    number: int
    config: TrainingConfig
    folder: Path
    before: Stage | None = None

    @property
    def final(self) -> Path:
        """The stage's weights; there when it is finished."""
        return self.folder / FINAL

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.owner}, stage {self.number}"


@dataclass(frozen=True, slots=True)
class Trial:
    """A variant and its training.

    Attributes:
        variant: the row of Table 3.
        stages: in order; the last one's weights are the variant's.
        full: the network of which it is a part.
    """

    variant: Variant
    stages: tuple[Stage, ...]
    full: SigmaConfig


def configurations(first: str, second: str, seed: int | None) -> tuple[TrainingConfig, TrainingConfig]:
    """Stage I's and Stage II's configuration.

    Args:
        first: preset or TOML file.
        second: likewise, of Stage II; empty = the same.
        seed: of both; None = theirs.

    Raises:
        UserError: one cannot be read, or they contradict each other.
    """
    one, two = read_training_config(first, 1), read_training_config(second or first, 2)
    if one.network != two.network:
        raise UserError("--stage2-config: expected the network of --config, found another")
    if one.precision != two.precision:
        # One process keeps to one.
        raise UserError(f"--stage2-config: expected --config's precision {one.precision}, found {two.precision}")
    return (one, two) if seed is None else (replace(one, seed=seed), replace(two, seed=seed))


def trials(names: Sequence[str], first: TrainingConfig, second: TrainingConfig, out: Path) -> list[Trial]:
    """The variants asked for, all where none is named, in the table's order.

    Raises:
        UserError: there is no such variant.
    """
    known = variants(first.network)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"the variants are {', '.join(known)}"
            raise UserError(f"--variant: there is no {one_line(repr(name), 60)}; {hint}")
    return [
        Trial(variant, stages_of(variant, list(known.values()), first, second, out), first.network)
        for variant in known.values()
        if variant.name in names or not names
    ]


def stages_of(
    variant: Variant, known: Sequence[Variant], first: TrainingConfig, second: TrainingConfig, out: Path
) -> tuple[Stage, ...]:
    """A variant's stages. Stage I belongs to the first variant with the same network: it is trained once."""
    owner = next(other.name for other in known if other.config == variant.config)
    one = Stage(owner, 1, replace(first, network=variant.config), out / owner / "stage-1")
    if variant.stages == 1:
        return (one,)
    config = replace(second, network=variant.config)
    return (one, Stage(variant.name, 2, config, out / variant.name / "stage-2", one))
