"""How pairs of any size reach a network of a fixed one."""

from __future__ import annotations

import pytest

from imlbench.errors import UserError
from imlbench.inference.input_policy import InputPolicy, Tile, policy_of

TILES = InputPolicy(fit="tile", overlap=8)


@pytest.mark.parametrize(
    ("height", "width", "tiles"),
    [
        (32, 32, [(0, 0)]),
        (1, 1, [(0, 0)]),
        (33, 20, [(0, 0), (1, 0)]),
        (32, 80, [(0, 0), (0, 24), (0, 48)]),
        (56, 57, [(0, 0), (0, 24), (0, 25), (24, 0), (24, 24), (24, 25)]),
    ],
)
def test_tiles_cover_an_image_and_end_with_it(height, width, tiles):
    assert TILES.tiles(height, width, 32) == [Tile(*tile) for tile in tiles]


def test_the_identity_names_what_changes_scores():
    assert InputPolicy().identity == ""
    assert InputPolicy(overlap=8).identity == ""
    assert TILES.identity == "tile+overlap-8"
    assert InputPolicy(precision="float32").identity == "float32"
    assert policy_of("tile") == InputPolicy(fit="tile")
    assert policy_of("") == InputPolicy()


@pytest.mark.parametrize(
    "make",
    [
        lambda: policy_of("stretch"),
        lambda: InputPolicy(overlap=-1),
        lambda: InputPolicy(precision="int8"),
        lambda: InputPolicy(fit="tile", overlap=32).tiles(40, 40, 32),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(make):
    with pytest.raises(UserError, match=r"the (input|overlap|precision): expected"):
        make()
