"""Views of a batch, as many together as a forward pass may hold."""

from __future__ import annotations

import pytest

from imlbench.inference.canvas import Canvas
from imlbench.inference.grouping import PIXELS_AT_ONCE, groups, views_at_once
from imlbench.inference.input_policy import InputPolicy, Tile

TILES = InputPolicy(fit="tile", overlap=0)


def test_views_go_through_in_order_and_pairs_share_a_pass():
    canvases = [Canvas((32, 96, 3), 32, TILES), Canvas((8, 8, 3), 32, TILES), Canvas((32, 64, 3), 32, TILES)]
    found = list(groups(canvases, 4))
    assert [[(view.place, view.number) for view in group] for group in found] == [
        [(0, 0), (0, 1), (0, 2), (1, 0)],
        [(2, 0), (2, 1)],
    ]
    assert [view.tile for view in found[1]] == [Tile(0, 0), Tile(0, 32)]


def test_no_pairs_are_no_groups():
    assert list(groups([], 4)) == []


@pytest.mark.parametrize(
    ("device", "side", "expected"),
    [("cpu", 32, 1), ("cuda", 256, 16), ("cuda:1", 512, 4), ("cuda", PIXELS_AT_ONCE, 1)],
)
def test_an_accelerator_takes_as_many_as_its_memory_is_meant_for(device, side, expected):
    assert views_at_once(device, side) == expected
