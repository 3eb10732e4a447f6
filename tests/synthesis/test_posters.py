from __future__ import annotations

import numpy as np

from imlbench.synthesis.polygons import Instance
from imlbench.synthesis.posters import poster
from imlbench.synthesis.scene import View
from tests.synthesis.making_photographs import scenery


def test_a_poster_has_the_photographs_size_and_is_another_picture():
    image = scenery(0)
    for seed in range(8):
        made = poster(View(image), np.random.default_rng(seed)).image
        assert made.shape == image.shape
        assert made.dtype == np.uint8
        assert (made != image).any(axis=2).mean() > 0.002


def test_the_same_draws_make_the_same_poster():
    image = scenery(1)
    first, second = (poster(View(image), np.random.default_rng(3)).image for _ in range(2))
    assert np.array_equal(first, second)


def test_an_object_under_a_panel_is_no_object_any_more():
    image = scenery(2)
    rows, columns = image.shape[:2]
    objects = []
    for row in range(0, rows - 20, 20):
        mask = np.zeros((rows, columns), np.bool_)
        mask[row : row + 20, : columns // 2] = True
        objects.append(Instance("dog", mask))
    kept = [len(poster(View(image, tuple(objects)), np.random.default_rng(seed)).instances) for seed in range(20)]
    assert min(kept) < len(objects)
    assert max(kept) == len(objects)
