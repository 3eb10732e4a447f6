"""What is asked of a comparison, and the configuration of each training that follows from it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotators.sigma.ablation.config_file import table_text
from benchmarks.comparison.contestants import NAMES, TRAINED, UNTRAINED, Trained
from imlbench.errors import UserError

SAMPLES = 3200
"""About half an hour of two cores for all four trainings; scoring 512 images under five conditions takes as long."""
VALIDATED = 100
"""Pairs kept apart that each network is looked at on, once, at its end; nothing is chosen by them."""
SAVE_EVERY, LOG_EVERY = 100, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A comparison.

    Attributes:
        pairs: what `--data` of `imlbench train` takes.
        out: folder of everything.
        samples: pairs that each network sees, each view counted; rounded up to whole batches of all of them.
        datasets: DATASET or DATASET=FOLDER, measured clean and perturbed.
        demo: whether the demo set is measured too; it is made in `out`.
        limit: samples of each dataset, a random subset; None = all.
        only: names of those that take part; empty = all.
        changes: keys and tables by annotator, in place of those of its recipe.
        unet: diffusion model of ddpm-cd; None = a random one.
        seed: of all trainings.
        workers: decoding processes of a training.
    """

    pairs: str
    out: Path
    samples: int = SAMPLES
    datasets: tuple[str, ...] = ()
    demo: bool = True
    limit: int | None = None
    only: tuple[str, ...] = ()
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unet: Path | None = None
    seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        for name in (*self.only, *self.changes):
            if name not in NAMES or (name in self.changes and name in UNTRAINED):
                raise UserError(f"{name!r} is not part of this; those who are: {', '.join(NAMES)}")
        if self.samples < 1 or not (self.datasets or self.demo):
            raise UserError("expected at least one sample to train on, and a dataset or the demo set to measure on")

    @property
    def names(self) -> list[str]:
        """Those that take part, in the table's order."""
        return [name for name in NAMES if name in self.only or not self.only]

    @property
    def trained(self) -> list[Trained]:
        """Those of them that are trained."""
        return [one for one in TRAINED if one.name in self.names]

    @property
    def rounded(self) -> int:
        """Samples that each network sees: whole batches of all four, whoever takes part now."""
        whole = math.lcm(*(self.batch_size(one) for one in TRAINED))
        return whole * math.ceil(self.samples / whole)

    def batch_size(self, one: Trained) -> int:
        """Pairs of an optimiser step."""
        changed = self.changes.get(one.name, {})
        return int(changed.get("batch_size", one.batch_size)) * int(changed.get("accumulation", 1))

    def run(self, one: Trained) -> Path:
        """Folder of a training."""
        return self.out / "runs" / one.name

    def config(self, one: Trained) -> dict[str, Any]:
        """Keys and tables of a training's file."""
        steps = self.rounded // self.batch_size(one)
        bounds = {"validate_every": steps, "validation_limit": VALIDATED, "save_every": SAVE_EVERY}
        values = {**one.config, **bounds, "log_every": LOG_EVERY, "seed": self.seed, "workers": self.workers}
        for key, value in self.changes.get(one.name, {}).items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, Mapping) else value
        return {**values, "steps": steps}


def toml_text(config: Mapping[str, Any]) -> str:
    """A configuration as `--config` reads it: keys, then tables."""
    tables = {name: value for name, value in config.items() if isinstance(value, Mapping)}
    keys = {name: value for name, value in config.items() if name not in tables}
    return table_text(keys) + "".join(f"\n[{name}]\n{table_text(values)}" for name, values in tables.items())


def read_changes(path: Path) -> dict[str, dict[str, Any]]:
    """A TOML file with a table for each annotator whose recipe is changed.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--changes: {path}: no TOML file that can be read ({error})") from error
    if not all(isinstance(value, dict) for value in found.values()):
        raise UserError(f"--changes: {path}: expected nothing but tables such as [meta-cd] and [meta-cd.network]")
    return found
