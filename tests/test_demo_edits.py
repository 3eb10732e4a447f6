import io

import cv2
import numpy as np
import pytest
from PIL import Image

from imlbench.demo.edits import Placement, blend, paste, place, recolour, remove, retexture, tiled
from imlbench.demo.encoding import Encoding, draw_encoding, reencode
from imlbench.demo.regions import ColourRange, Ellipse, Outline, Region, fill

SIZE = (60, 80)


@pytest.fixture
def photograph():
    """A grey ramp with a little noise."""
    ramp = np.linspace(60, 160, SIZE[1])[np.newaxis, :, np.newaxis]
    noise = np.random.default_rng(1).normal(0, 3, (*SIZE, 3))
    return np.clip(ramp + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def mask():
    return fill((Ellipse(40, 30, 20, 12),), SIZE)


def edits_of(photograph, mask):
    texture = np.random.default_rng(2).integers(0, 255, (32, 32), dtype=np.uint8)
    return {
        "blend": blend(photograph, np.full_like(photograph, 250), mask),
        "removal": remove(photograph, mask, (-20, 0)),
        "recolour": recolour(photograph, mask, hue=120, floor=0.6),
        "retexture": retexture(photograph, mask, texture, (200, 40, 40)),
    }


@pytest.mark.parametrize("name", ["blend", "removal", "recolour", "retexture"])
def test_edit_leaves_the_outside_alone_and_changes_the_inside(photograph, mask, name):
    before = photograph.copy()
    edited = edits_of(photograph, mask)[name]
    changed = (edited != photograph).any(axis=2)
    assert edited.dtype == np.uint8
    assert not changed[~mask].any()
    assert changed[mask].mean() > 0.9
    np.testing.assert_array_equal(photograph, before)


@pytest.mark.parametrize("name", ["blend", "removal", "recolour", "retexture"])
def test_empty_mask_changes_nothing(photograph, name):
    edited = edits_of(photograph, np.zeros(SIZE, bool))[name]
    np.testing.assert_array_equal(edited, photograph)


def test_soft_edge_lies_inside_the_mask(mask):
    black, white = np.zeros((*SIZE, 3), np.uint8), np.full((*SIZE, 3), 255, np.uint8)
    mixed = blend(black, white, mask)[:, :, 0]
    deep = cv2.erode(mask.astype(np.uint8), np.ones((7, 7))).astype(bool)
    assert (mixed[deep] == 255).all()
    assert (mixed[~mask] == 0).all()
    rim = mask & ~deep
    assert ((mixed[rim] > 0) & (mixed[rim] < 255)).any()


def test_removal_takes_the_object_away(photograph):
    spotted = photograph.copy()
    spot = fill((Ellipse(40, 30, 6, 6),), SIZE)
    spotted[spot] = 255
    edited = remove(spotted, fill((Ellipse(40, 30, 10, 10),), SIZE))
    assert np.abs(edited[spot].astype(int) - photograph[spot]).max() < 20


def test_recolour_sets_the_hue_and_keeps_the_value(photograph, mask):
    edited = recolour(photograph, mask, hue=240, floor=0.5)
    deep = cv2.erode(mask.astype(np.uint8), np.ones((9, 9))).astype(bool)
    before, after = (cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[deep] for image in (photograph, edited))
    assert np.abs(after[:, 0].astype(int) - 120).max() <= 2
    assert np.abs(after[:, 2].astype(int) - before[:, 2]).max() <= 1


def test_retexture_follows_light_and_shade(photograph, mask):
    flat = np.full((32, 32), 128, np.uint8)
    lit = retexture(photograph, mask, flat, (120, 120, 120), shading=1.0)
    even = retexture(photograph, mask, flat, (120, 120, 120), shading=0.0)
    assert int(lit[30, 55, 0]) - int(lit[30, 25, 0]) > 15
    assert even[30, 55, 0] == even[30, 25, 0] == 120


def test_pasted_object_lands_centred_and_scaled():
    source = np.zeros((100, 100, 3), np.uint8)
    object_mask = fill((Ellipse(70, 40, 20, 10),), (100, 100))
    source[object_mask] = (200, 100, 50)
    edited, mask = paste(np.full((*SIZE, 3), 10, np.uint8), source, object_mask, Placement(30, 25, 0.5))
    rows, columns = np.nonzero(mask)
    assert abs(columns.mean() - 30) < 1
    assert abs(rows.mean() - 25) < 1
    assert mask.sum() == pytest.approx(object_mask.sum() / 4, rel=0.1)
    assert edited[25, 30].tolist() == [200, 100, 50]


def test_turned_object_and_gain():
    source = np.full((100, 100, 3), 100, np.uint8)
    object_mask = fill((Ellipse(50, 50, 30, 8),), (100, 100))
    placement = Placement(40, 30, 0.5, angle=90, gain=(0.5, 1.0, 2.0))
    edited, mask = paste(np.zeros((*SIZE, 3), np.uint8), source, object_mask, placement)
    rows, columns = np.nonzero(mask)
    assert np.ptp(rows) > 2 * np.ptp(columns)
    assert edited[30, 40].tolist() == [50, 100, 200]


def test_object_beyond_the_frame_is_cut_off():
    object_mask = fill((Ellipse(20, 20, 15, 15),), (40, 40))
    _, mask = place(np.zeros((40, 40, 3), np.uint8), object_mask, SIZE, Placement(0, 0, 1.0))
    assert mask[0, 0]
    assert mask.sum() == pytest.approx(object_mask.sum() / 4, rel=0.15)


def test_ellipse_and_outline_fill_their_area():
    assert fill((Ellipse(40, 30, 20, 12),), SIZE).sum() == pytest.approx(np.pi * 20 * 12, rel=0.08)
    square = fill((Outline((10, 10), (50, 10), (50, 50), (10, 50)),), SIZE)
    # Rounded corners take a little off the 40 x 40 pixels.
    assert 0.85 * 1600 < square.sum() < 1681
    assert not square[10, 10]


def test_region_joins_cuts_out_narrows_and_grows(photograph):
    left, right = Ellipse(20, 30, 8, 8), Ellipse(60, 30, 8, 8)
    both = Region((left, right)).mask(photograph)
    np.testing.assert_array_equal(both, fill((left,), SIZE) | fill((right,), SIZE))
    np.testing.assert_array_equal(Region((left, right), (right,)).mask(photograph), fill((left,), SIZE))
    dark = Region((left, right), colours=ColourRange(value=(0, 110))).mask(photograph)
    assert dark[30, 20]
    assert not dark[30, 60]
    grown = Region((left,), grow=2).mask(photograph)
    assert grown[30, 10]
    assert (fill((left,), SIZE) & ~grown).sum() == 0


def test_colour_range_runs_through_red_and_inverts():
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = (220, 20, 30)
    pixels[:, 20:] = (20, 30, 220)
    red = ColourRange(hue=(170, 10), saturation=(100, 255))
    np.testing.assert_array_equal(red.select(pixels), np.tile(np.arange(40) < 20, (20, 1)))
    np.testing.assert_array_equal(ColourRange((170, 10), (100, 255), inverted=True).select(pixels), ~red.select(pixels))


def test_small_texture_is_repeated_over_the_whole_frame():
    tile = np.arange(16, dtype=np.uint8).reshape(4, 4)
    covered = tiled(tile, (10, 11), 1.0)
    assert covered.shape == (10, 11)
    np.testing.assert_array_equal(covered[:4, :4], tile)
    np.testing.assert_array_equal(covered[4, :4], tile[3])


def test_reencoding_keeps_the_size_and_shifts_the_tone(photograph):
    encoding = Encoding(scale=0.8, gain=1.0, offset=4.0, quality=90)
    data = reencode(photograph, encoding)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        pixels = np.asarray(image).astype(float)
    assert pixels.shape == photograph.shape
    assert pixels.mean() - photograph.mean() == pytest.approx(4, abs=0.7)
    assert reencode(photograph, encoding) == data


def test_encoding_depends_on_the_seed_alone():
    assert draw_encoding(5) == draw_encoding(5)
    assert len({draw_encoding(seed) for seed in range(20)}) == 20
    assert all(70 <= draw_encoding(seed).quality <= 80 for seed in range(50))
