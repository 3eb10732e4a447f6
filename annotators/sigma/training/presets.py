"""The named training runs, and those that a TOML file derives from them."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.presets import PRESETS, preset
from annotators.sigma.training.config import TrainingConfig
from imlbench.config import read_toml
from imlbench.errors import UserError, one_line

SIGMA = TrainingConfig()
SIGMA_LITE = TrainingConfig(
    network=PRESETS["sigma-lite"],
    learning_rate=1e-3,
    warmup_steps=100,
    steps=2600,
    precision="bf16",
    sizes=(224, 256, 288, 320, 384, 448),
    crop_min=0.5,
    crop_aspect=1.3,
    photometric_probability=0.5,
    degradation_probability=0.6,
    prior_probability=0.4,
    validate_every=650,
    validation_limit=150,
    autoencoders=("vae-taef2",),
)
"""About an hour of two cores: a wide range of scales at small sizes, a higher rate for a smaller network."""
TRAINING_PRESETS: Mapping[str, TrainingConfig] = {"sigma": SIGMA, "sigma-lite": SIGMA_LITE}


def training_preset(name: str, stage: int) -> TrainingConfig:
    """A named configuration for a stage: Stage II has half the epochs and a fifth of the learning rate.

    Raises:
        UserError: there is none of this name.
    """
    if name not in list(TRAINING_PRESETS):
        known = ", ".join(TRAINING_PRESETS)
        raise UserError(f"there is no training preset {one_line(repr(name), 60)}; the presets are {known}")
    chosen = TRAINING_PRESETS[name]
    if stage == 1:
        return chosen
    return replace(chosen, epochs=chosen.epochs / 2, steps=chosen.steps // 2, learning_rate=chosen.learning_rate / 5)


def read_training_config(name_or_file: str, stage: int) -> TrainingConfig:
    """A preset by name, or a TOML file whose key `preset` names what its other keys change.

    The table `network` changes single fields of the preset's network.

    Raises:
        UserError: no such preset or file, an unknown key, a wrong type, or a value out of range.
    """
    if name_or_file in TRAINING_PRESETS:
        return training_preset(name_or_file, stage)
    if not name_or_file.endswith(".toml") and not os.path.exists(name_or_file):
        raise UserError(
            f"--config: expected a TOML file or one of {', '.join(TRAINING_PRESETS)}, "
            f"found {one_line(repr(name_or_file), 80)}"
        )
    table = read_toml(Path(name_or_file))
    try:
        return config_from_table(table, stage)
    except UserError as error:
        raise UserError(f"{name_or_file}: {error}") from None


def config_from_table(table: Mapping[str, Any], stage: int) -> TrainingConfig:
    """A configuration from a parsed TOML table.

    Raises:
        UserError: an unknown key, a wrong type, or a value out of range.
    """
    values = dict(table)
    name = values.pop("preset", "sigma")
    base = training_preset(name, stage)
    network = values.pop("network", {})
    if not isinstance(network, Mapping):
        raise UserError(f"network: expected a table [network], found {type(network).__name__}")
    known = [entry.name for entry in fields(TrainingConfig)]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the keys are preset, {', '.join(known)}"
            raise UserError(f"unknown key {one_line(repr(key), 60)}; {hint}")
    given: dict[str, Any] = {key: as_field(value) for key, value in values.items()}
    return replace(base, **given, network=_changed_network(preset(name), network))


def as_field(value: Any) -> Any:
    """A value of TOML as a field holds it."""
    return tuple(value) if isinstance(value, list) else value


def _changed_network(network: SigmaConfig, changes: Mapping[str, Any]) -> SigmaConfig:
    return SigmaConfig.from_mapping({**dataclasses.asdict(network), **changes})
