"""PixDiff: decisions at every level, sharing, and morphology and Otsu against plain references."""

from __future__ import annotations

import numpy as np
import pytest

from annotators import pixdiff
from imlbench.differencing import grey_difference
from imlbench.samples import Pair

FIXED = (pixdiff.PixDiff0, pixdiff.PixDiff10, pixdiff.PixDiff20, pixdiff.PixDiff30, pixdiff.PixDiff40)


def images(seed: int = 0, height: int = 41, width: int = 57):
    generator = np.random.default_rng(seed)
    original = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    noise = generator.integers(-3, 4, original.shape)
    edited = np.clip(original.astype(int) + noise, 0, 255).astype(np.uint8)
    edited[10:30, 12:40] = 255 - edited[10:30, 12:40]
    original.flags.writeable = edited.flags.writeable = False
    return original, edited


@pytest.fixture
def pair() -> Pair:
    return Pair("one", *images())


def decide(score_map, threshold: float):
    """The evaluation's rule: a level k stands for k / 255 in float32, edited where score >= threshold."""
    return score_map.astype(np.float32) / np.float32(255) >= np.float32(threshold)


def erode(marked, outside: bool):
    padded = np.pad(marked, 2, constant_values=outside)
    return np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).all(axis=(2, 3))


def dilate(marked):
    return ~erode(~marked, outside=True)


def between_class_variance(values, threshold: int) -> float:
    low, high = values[values <= threshold], values[values > threshold]
    return len(low) * len(high) * (low.mean() - high.mean()) ** 2 if len(low) and len(high) else 0.0


def test_a_threshold_of_t_255ths_means_level_at_least_t_for_every_t():
    levels = np.arange(256)
    for t in range(256):
        assert np.array_equal(decide(levels.astype(np.uint8), t / 255), levels >= t), t


@pytest.mark.parametrize("adapter", FIXED)
def test_fixed_rows_hand_out_the_shared_array_itself(adapter, pair):
    (score_map,) = adapter().annotate([pair])
    assert score_map is pair.shared(grey_difference)
    assert score_map.dtype == np.uint8
    assert score_map.shape == pair.edited.shape[:2]


@pytest.mark.parametrize(("adapter", "level"), list(zip(FIXED, (0, 10, 20, 30, 40), strict=True)))
def test_fixed_row_marks_the_grey_of_the_difference_from_its_level_on(adapter, level, pair):
    difference = np.abs(pair.edited.astype(int) - pair.original)
    # ITU-R BT.601 in fixed point; one unit of rounding either way is left to the library.
    luma = difference @ np.array([0.299, 0.587, 0.114])
    (score_map,) = adapter().annotate([pair])
    assert np.abs(score_map - luma).max() <= 1
    marked = decide(score_map, adapter.card.threshold)
    assert marked[luma >= level + 1].all()
    assert not marked[luma < level - 1].any()


def test_grey_is_of_the_difference_not_a_difference_of_greys():
    original = np.zeros((2, 2, 3), np.uint8)
    edited = original.copy()
    original[..., 0], edited[..., 1] = 196, 100
    (score_map,) = pixdiff.PixDiff10().annotate([Pair("opposed", original, edited)])
    # The greys of both images are 59; the difference is 196 of red and 100 of green.
    assert (score_map == round(196 * 0.299 + 100 * 0.587)).all()


def test_morph_equals_opening_then_closing_with_five_by_five_squares(pair):
    (marked,) = pixdiff.PixDiffMorph().annotate([pair])
    opened = dilate(erode(pair.shared(grey_difference) >= 25, outside=True))
    closed = erode(dilate(opened), outside=True)
    assert marked.dtype == np.bool_
    assert 0 < marked.sum() < marked.size
    assert np.array_equal(marked, closed)


def test_morph_drops_a_speck_and_keeps_a_square_at_level_25_not_24():
    original = np.zeros((40, 40, 3), np.uint8)
    edited = original.copy()
    edited[2:4, 2:4] = 200
    edited[10:20, 10:20] = 25
    edited[25:35, 25:35] = 24
    (marked,) = pixdiff.PixDiffMorph().annotate([Pair("squares", original, edited)])
    expected = np.zeros((40, 40), bool)
    expected[10:20, 10:20] = True
    assert np.array_equal(marked, expected)


def test_otsu_splits_where_the_classes_differ_most(pair):
    (marked,) = pixdiff.PixDiffOtsu().annotate([pair])
    grey = pair.shared(grey_difference)
    best = max(range(256), key=lambda threshold: between_class_variance(grey.astype(float), threshold))
    assert marked.dtype == np.bool_
    assert 0 < marked.sum() < marked.size
    assert np.array_equal(marked, grey > best)


def test_otsu_marks_nothing_in_an_identical_pair():
    original, _ = images()
    (marked,) = pixdiff.PixDiffOtsu().annotate([Pair("same", original, original)])
    assert not marked.any()


def test_exact_marks_a_difference_of_two_in_any_one_channel_but_not_of_one():
    original = np.full((1, 5, 3), 100, np.uint8)
    edited = original.copy()
    edited[0, 1], edited[0, 2, 0], edited[0, 3, 1], edited[0, 4, 2] = 101, 102, 98, 103
    (score_map,) = pixdiff.PixDiffExact().annotate([Pair("row", original, edited)])
    assert score_map.dtype == np.uint8
    assert decide(score_map, pixdiff.PixDiffExact.card.threshold).tolist() == [[False, False, True, True, True]]


def test_hard_rows_say_so_on_their_card():
    assert not pixdiff.PixDiffMorph.card.soft
    assert not pixdiff.PixDiffOtsu.card.soft
    assert all(adapter.card.soft for adapter in (*FIXED, pixdiff.PixDiffExact))


def test_titles_are_the_rows_of_the_published_table():
    titles = [adapter.card.title for adapter in (*FIXED, pixdiff.PixDiffMorph, pixdiff.PixDiffOtsu)]
    fixed = [f"PixDiff-Fixed({level})" for level in (0, 10, 20, 30, 40)]
    assert titles == [*fixed, "PixDiff-Fixed-morph", "PixDiff-Otsu"]
