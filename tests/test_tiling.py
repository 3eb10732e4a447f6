"""Tiles: they cover an image, keep to the grid, and make one seamless map together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from imlbench.tiling import Tile, Tiling


def test_an_image_up_to_the_side_or_the_pixels_is_one_tile_and_its_map_stays_as_it_is():
    scores = np.full((20, 30), 0.25, np.float32)
    for tiling in (Tiling(side=32, overlap=8), Tiling(side=16, overlap=8, max_pixels=600)):
        assert tiling.tiles(20, 30) == [Tile(slice(0, 20), slice(0, 30))]
        assert tiling.assemble(20, 30, lambda _: scores) is scores


@pytest.mark.parametrize("align", [1, 8])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 200), (97, 64), (65, 131), (128, 128), (129, 7)])
def test_tiles_cover_every_pixel_overlap_and_begin_on_the_grid(height, width, align):
    tiling = Tiling(side=64, overlap=24, align=align)
    tiles = tiling.tiles(height, width)
    seen = np.zeros((height, width), int)
    for tile in tiles:
        assert tile.rows.start % align == tile.columns.start % align == 0
        assert 0 < tile.rows.stop - tile.rows.start <= 64
        assert 0 < tile.columns.stop - tile.columns.start <= 64
        seen[tile] += 1
    assert seen.min() >= 1
    rows = sorted({(tile.rows.start, tile.rows.stop) for tile in tiles})
    # The last tile ends with the image, and may begin so late only by less than the grid's step.
    assert all(below[0] <= above[1] - 24 for above, below in pairwise(rows))


def test_maps_that_agree_where_tiles_overlap_are_put_together_unchanged():
    scores = np.random.default_rng(0).random((150, 90), dtype=np.float32)
    found = Tiling(side=48, overlap=16, align=8).assemble(150, 90, lambda tile: scores[tile])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scores, atol=1e-6)


def test_maps_that_disagree_go_over_into_one_another_without_a_seam():
    found = Tiling(side=64, overlap=32).assemble(64, 96, lambda tile: np.full((64, 64), float(tile.columns.start > 0)))
    assert np.all(found[:, :32] == 0)
    assert np.all(found[:, 64:] == 1)
    steps = np.diff(found[0, 31:65])
    assert steps.min() > 0
    assert steps.max() < 0.05


@pytest.mark.parametrize("numbers", [{"side": 16, "overlap": 16}, {"side": 20, "align": 8}, {"side": 8, "overlap": -1}])
def test_numbers_that_do_not_fit_are_refused(numbers):
    with pytest.raises(ValueError, match="cannot overlap"):
        Tiling(**{"overlap": 0, **numbers})
