"""How pairs of any size reach the network, and how its maps come back."""

from __future__ import annotations

import numpy as np
import pytest

from annotators.ddpm_cd.policy import InputPolicy, Tile, policy_of
from annotators.ddpm_cd.views import Canvas, window
from imlbench.errors import UserError

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


@pytest.mark.parametrize("shape", [(1, 1), (9, 100), (32, 32), (70, 41)])
@pytest.mark.parametrize("policy", [InputPolicy(), TILES])
def test_a_constant_map_comes_back_constant_at_any_size(shape, policy):
    canvas = Canvas((*shape, 3), 32, policy)
    for view in canvas.views:
        assert canvas.cut(np.zeros((*shape, 3), np.uint8), view).shape == (32, 32, 3)
        canvas.paste(view, np.full((32, 32), 0.375, np.float32))
    found = canvas.result()
    assert (found.shape, found.dtype) == (shape, np.float32)
    np.testing.assert_allclose(found, 0.375, rtol=1e-6)


def test_tiled_maps_are_put_where_their_pixels_were():
    image = np.random.default_rng(0).integers(0, 256, (70, 41, 3)).astype(np.uint8)
    canvas = Canvas(image.shape, 32, TILES)
    for view in canvas.views:
        canvas.paste(view, canvas.cut(image, view)[..., 0].astype(np.float32) / 255)
    np.testing.assert_allclose(canvas.result(), image[..., 0] / 255, atol=1e-6)


def test_a_resized_map_keeps_its_orientation():
    canvas = Canvas((16, 64, 3), 32, InputPolicy())
    scores = np.zeros((32, 32), np.float32)
    scores[:16, 16:] = 1
    canvas.paste(canvas.views[0], scores)
    found = canvas.result()
    assert found[2, 60] == 1
    assert found[13, 60] == found[2, 3] == found[13, 3] == 0


def test_the_canvas_keeps_the_networks_map_as_it_is():
    scores = np.full((32, 32), 0.25, np.float32)
    canvas = Canvas((32, 32, 3), 32, InputPolicy())
    canvas.paste(canvas.views[0], scores)
    canvas.result()[:] = 1
    assert (scores == 0.25).all()


def test_tiles_count_less_towards_their_rim_and_nowhere_nothing():
    weights = window(32, 7)
    assert weights[16, 16] == 1
    assert weights[16, 0] == pytest.approx(1 / 8)
    assert 0 < weights.min() == weights[0, 0]
    np.testing.assert_array_equal(window(8, 0), 1)


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
