"""Score maps at another size."""

from __future__ import annotations

import numpy as np
import pytest

from imlbench.inference.resizing import at_native_size, resized


def test_a_map_that_fits_is_itself():
    scores = np.full((4, 6), 0.5, np.float32)
    assert resized(scores, (4, 6, 3)) is scores


def test_a_map_shrinks_to_the_means_of_its_pixels():
    scores = np.array([[0, 1, 0, 0], [1, 1, 0, 0.5]], np.float32)
    np.testing.assert_allclose(resized(scores, (1, 2)), [[0.75, 0.125]])


def test_a_map_grows_bilinearly():
    found = resized(np.array([[0, 1]], np.float32), (1, 4))
    np.testing.assert_allclose(found, [[0, 0.25, 0.75, 1]])
    assert found.dtype == np.float32


@pytest.mark.parametrize("shape", [(1, 1), (9, 100), (32, 32)])
def test_a_constant_stays_what_it_is_at_any_size(shape):
    maps = [np.full((8, 8), 0.25, np.float32), np.full((16, 12), 0.75, np.float32)]
    np.testing.assert_allclose(at_native_size(maps, shape), np.full(shape, 0.5), rtol=1e-6)


def test_the_mean_of_maps_is_taken_at_the_largest():
    small, large = np.zeros((1, 1), np.float32), np.array([[0.5, 1]], np.float32)
    np.testing.assert_allclose(at_native_size([small, large], (1, 2)), [[0.25, 0.5]])


def test_scores_stay_between_0_and_1():
    found = at_native_size([np.array([[-1e-6, 1 + 1e-6]], np.float32)], (1, 2))
    assert (found.min(), found.max()) == (0, 1)
