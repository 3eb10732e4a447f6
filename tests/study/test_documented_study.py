"""The study that the documentation describes: its pairs' recipe, and the recipe it trains by."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detectors.tiny_unet.training.finetuner import TINY_UNET
from imlbench.synthesis.encodings import FILE_FORMATS, draw_steps
from imlbench.synthesis.recipe import read_recipe

DOCS = Path(__file__).parents[2] / "docs"


def test_every_edited_side_is_re_encoded_as_a_whole():
    recipe, generator = read_recipe(DOCS / "study.toml"), np.random.default_rng(0)
    drawn = [draw_steps(recipe, recipe.edited, "", generator) for _ in range(300)]
    assert all(steps and steps[-1]["name"] in FILE_FORMATS for steps in drawn)
    assert {steps[-1]["name"] for steps in drawn} == set(FILE_FORMATS)


def test_every_pair_has_one_edit_of_two_kinds():
    recipe = read_recipe(DOCS / "study.toml")
    assert {name for name, weight in recipe.kinds.items() if weight} == {"text", "retexturing"}
    assert (recipe.zero, recipe.several) == (0.0, 0.0)


def test_the_recipes_of_the_documentation_are_there():
    text = (DOCS / "study.md").read_text(encoding="utf-8")
    named = {line.partition("--config ")[2].split()[0] for line in text.splitlines() if "--config " in line}
    named = {name.strip("`") for name in named}
    assert "study" in named
    assert named <= set(TINY_UNET.recipes)
