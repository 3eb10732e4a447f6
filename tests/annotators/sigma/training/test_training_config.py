"""The training configuration: presets, TOML files, and one line for whatever is wrong."""

from __future__ import annotations

import json

import pytest

from annotators.sigma.training.config import TrainingConfig
from annotators.sigma.training.presets import config_from_table, read_training_config, training_preset
from imlbench.errors import UserError


def write(folder, text):
    path = folder / "run.toml"
    path.write_text(text)
    return str(path)


def test_the_defaults_are_the_papers():
    config = training_preset("sigma", 1)
    assert (config.batch_size, config.epochs, config.network.encoder) == (8, 10, "dinov2-base")
    assert (config.learning_rate, config.betas, config.weight_decay, config.warmup_steps) == (
        1e-4,
        (0.9, 0.999),
        0.01,
        500,
    )
    weights = (config.supervised_weight, config.zero_edit_weight, config.pseudo_label_weight)
    assert (*weights, config.disentanglement_weight) == (1.0, 0.5, 0.3, 0.1)


def test_stage_two_is_half_as_long_and_a_fifth_as_fast():
    config = training_preset("sigma", 2)
    assert (config.epochs, config.learning_rate) == (5, pytest.approx(2e-5))


def test_a_file_changes_single_values_of_a_preset(tmp_path):
    text = 'preset = "sigma-lite"\nsteps = 7\nsizes = [64, 96]\nepochs = 3\n[network]\nwidth = 48\n'
    config = read_training_config(write(tmp_path, text), 1)
    assert (config.steps, config.sizes, config.epochs) == (7, (64, 96), 3)
    assert (config.network.width, config.network.encoder) == (48, "efficientnet-lite0")


def test_a_preset_needs_no_file():
    assert read_training_config("sigma-lite", 1) == training_preset("sigma-lite", 1)


def test_the_configuration_goes_into_json():
    config = training_preset("sigma-lite", 1)
    assert json.loads(json.dumps(config.to_dict()))["network"]["width"] == 96


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stesp = 3", "unknown key 'stesp'; did you mean 'steps'?"),
        ("zzz = 3", "unknown key 'zzz'; the keys are preset"),
        ("steps = 1.5", "steps: expected int, found 1.5"),
        ("steps = true", "steps: expected int, found True"),
        ('sizes = "64"', "sizes: expected list of int"),
        ("sizes = []", "sizes: expected list of int"),
        ("sizes = [100]", "multiples of 14"),
        ("batch_size = 0", "batch_size: expected at least 1, found 0"),
        ("learning_rate = -1.0", "learning_rate: expected at least 0"),
        ("learning_rate = nan", "learning_rate: expected at least 0, found nan"),
        ("confidence = 1.5", "confidence: expected 0 to 1, found 1.5"),
        ("betas = [0.9]", "betas: expected two numbers"),
        ("crop_min = 0.0", "0 < crop_min <= 1"),
        ('precision = "int3"', "precision: expected one of auto, no, bf16, fp16, found 'int3'"),
        ('autoencoders = ["vae"]', "autoencoders: expected vae-taef2 or vae-kl, found 'vae'"),
        ('preset = "sigmoid"', "there is no training preset 'sigmoid'"),
        ("preset = [1]", "there is no training preset [1]"),
        ("network = 3", "expected a table [network]"),
        ("[network]\nwitdh = 3", "did you mean 'width'?"),
        ("epochs = 0.0", "nothing to train"),
        ("a = ", "not a TOML file"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_the_file(tmp_path, text, expected):
    path = write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        read_training_config(path, 1)
    assert expected in str(caught.value)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_neither_preset_nor_file():
    with pytest.raises(UserError, match="expected a TOML file or one of sigma, sigma-lite, found 'sigma-light'"):
        read_training_config("sigma-light", 1)


def test_a_missing_file():
    with pytest.raises(UserError, match="cannot be read"):
        read_training_config("missing.toml", 1)


def test_an_empty_table_is_sigma():
    assert config_from_table({}, 1) == TrainingConfig()
