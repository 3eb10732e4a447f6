"""The named training runs, and those that a TOML file derives from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.presets import PRESETS, preset
from annotators.sigma.training.config import TrainingConfig
from imlbench.errors import UserError
from imlbench.training.configuring import PRESET, as_table, changed, preset_name, read_file

NETWORK = "network"
"""The table of a file that changes the network."""

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
    chosen = TRAINING_PRESETS[preset_name(name, TRAINING_PRESETS)]
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
    table = read_file(name_or_file, TRAINING_PRESETS)
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
    name = values.pop(PRESET, "sigma")
    base = training_preset(name, stage)
    network = as_table(values.pop(NETWORK, {}), NETWORK)
    return changed(base, values, (NETWORK,), network=_changed_network(preset(name), network))


def _changed_network(network: SigmaConfig, changes: Mapping[str, Any]) -> SigmaConfig:
    return SigmaConfig.from_mapping({**dataclasses.asdict(network), **changes})
