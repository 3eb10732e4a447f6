"""Recipes: what they check, and how presets and TOML files become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from imlbench.errors import UserError
from imlbench.training.configuring import changed, read_recipe, read_tables
from imlbench.training.recipe import Recipe
from tests.training.toy import ToyRecipe

PRESETS = {"toy": ToyRecipe(), "long": ToyRecipe(steps=100)}


def write(folder, text):
    path = folder / "run.toml"
    path.write_text(text)
    return str(path)


def test_nothing_named_is_the_first_preset():
    assert read_recipe("", PRESETS) == PRESETS["toy"]
    assert read_recipe("long", PRESETS) == PRESETS["long"]
    assert read_recipe("long", PRESETS, steps=3).steps == 3


def test_a_file_changes_a_preset_and_may_have_tables(tmp_path):
    path = write(tmp_path, 'preset = "long"\nsizes = [32, 48]\nsoftness = 1\n[network]\nwidth = 3\n')
    recipe, name, tables = read_tables(path, PRESETS, ("network", "head"))
    assert (recipe.steps, recipe.sizes, recipe.softness) == (100, (32, 48), 1)
    assert (name, tables) == ("long", {"network": {"width": 3}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stesp = 3", "unknown key 'stesp'; did you mean 'steps'?"),
        ("zzz = 3", "unknown key 'zzz'; the keys are preset, network, seed, "),
        ("optimiser = 'sgd'", "unknown key 'optimiser'; the keys are"),
        ("steps = 1.5", "steps: expected int, found 1.5"),
        ("workers = true", "workers: expected int, found True"),
        ("sizes = []", "sizes: expected list of int"),
        ("sizes = [8]", "sizes: expected 16 to 4096, found 8"),
        ("softness = 1.5", "softness: expected 0 to 1, found 1.5"),
        ("learning_rate = nan", "learning_rate: expected at least 0, found nan"),
        ("accumulation = 0", "accumulation: expected at least 1, found 0"),
        ("betas = [0.9, 1.0]", "betas: expected two numbers from 0 to below 1"),
        ("crop_aspect = 9.0", "1 <= crop_aspect <= 4"),
        ("steps = 0\nepochs = 0", "nothing to train"),
        ('precision = "half"', "precision: expected one of auto, no, bf16, fp16, found 'half'"),
        ('preset = "toi"', "there is no training preset 'toi'; the presets are toy, long"),
        ("network = 1", "network: expected a table [network], found int"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_file(tmp_path, text, expected):
    path = write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        read_tables(path, PRESETS, ("network",))
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_is_neither_file_nor_preset():
    with pytest.raises(UserError, match="--config: expected a TOML file or one of toy, long, found 'tiny'"):
        read_recipe("tiny", PRESETS)
    with pytest.raises(UserError, match=r"missing\.toml: cannot be read"):
        read_recipe("missing.toml", PRESETS)


def test_a_method_that_names_no_known_optimiser_is_a_programmers_slip():
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Wrong(Recipe):
        optimiser: ClassVar[str] = "lion"

    with pytest.raises(TypeError, match="lion"):
        Wrong()


def test_a_field_that_is_a_table_is_given_as_a_value():
    assert changed(ToyRecipe(), {"seed": 3}, ("softness",), softness=0.5) == ToyRecipe(seed=3, softness=0.5)
    with pytest.raises(UserError, match="unknown key 'softness'"):
        changed(ToyRecipe(), {"softness": 0.5}, ("softness",))
