"""What a network of a fixed size is shown of a pair, and how its maps come back."""

from __future__ import annotations

import numpy as np
import pytest

from imlbench.inference.canvas import Canvas, window
from imlbench.inference.input_policy import InputPolicy

TILES = InputPolicy(fit="tile", overlap=8)


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
