from __future__ import annotations

import json
from pathlib import Path

import pytest

from imlbench.errors import UserError
from imlbench.synthesis.recipe import Recipe, read_recipe, recipe_from


def test_a_toml_file_changes_what_it_names_and_nothing_else(tmp_path: Path):
    path = tmp_path / "recipe.toml"
    path.write_text("zero = 0.5\narea = [0.01, 0.2]\n[kinds]\nremoval = 2\n[edited]\njpeg = 1\n")
    recipe = read_recipe(path)
    assert recipe.zero == 0.5
    assert recipe.area == (0.01, 0.2)
    assert recipe.kinds == {"removal": 2.0}
    assert recipe.edited.jpeg == 1.0
    assert recipe.edited.vae == Recipe().edited.vae
    assert recipe.original == Recipe().original


def test_what_facts_write_is_read_back_as_json(tmp_path: Path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(Recipe(zero=0.25).facts()))
    assert read_recipe(path) == Recipe(zero=0.25)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"zeros": 0.1}, "did you mean zero"),
        ({"zero": 2}, "from 0 to 1"),
        ({"zero": "much"}, "expected a number"),
        ({"zero": True}, "expected a number"),
        ({"area": [0.5, 0.1]}, "the lower first"),
        ({"area": 3}, "two numbers"),
        ({"kinds": {"removal": 0}}, "all weights are 0"),
        ({"kinds": {"removals": 1}}, "did you mean removal"),
        ({"kinds": {"removal": -1}}, "0 or more"),
        ({"edited": {"jpg": 1}}, "did you mean jpeg"),
        ({"edited": 3}, "expected a table"),
        ([], "expected a table"),
    ],
)
def test_a_recipe_that_means_nothing_is_refused_in_one_line(values: object, expected: str):
    with pytest.raises(UserError, match=expected) as caught:
        recipe_from(values, "recipe.toml")
    assert "\n" not in str(caught.value)


def test_only_some_kinds_can_be_asked_for():
    assert Recipe().only(("text",)).kinds == {"text": 0.4}
    with pytest.raises(UserError, match="did you mean removal"):
        Recipe().only(("remova",))
