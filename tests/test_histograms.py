"""Histograms: equal to NumPy's counts, and counted once for a read-only array."""

from __future__ import annotations

import gc
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from imlbench import histograms
from imlbench.histograms import class_histogram, level_histogram, nonzero_box, whole_histogram
from imlbench.masks import bounding_box


def histogram_of(values, mask):
    return class_histogram(values, mask.view(np.uint8), bounding_box(mask), np.count_nonzero(mask))


def check_against_bincount(values, mask):
    found = histogram_of(values, mask)
    for row, chosen in enumerate((~mask, mask)):
        assert np.array_equal(found[row], np.bincount(values[chosen], minlength=256))
    assert np.array_equal(whole_histogram(values), found.sum(axis=0))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_class_histogram_equals_bincount(share):
    generator = np.random.default_rng(3)
    for shape in [(1, 1), (1, 300), (300, 1), (7, 5), (64, 33)]:
        check_against_bincount(generator.integers(0, 256, shape).astype(np.uint8), generator.random(shape) < share)


@pytest.mark.parametrize("place", [(slice(0), slice(0)), (slice(3, 9), slice(17, 40)), (slice(30, 32), slice(49, 50))])
def test_levels_above_zero_in_one_place_only(place):
    generator = np.random.default_rng(4)
    values = np.zeros((32, 50), np.uint8)
    values[place] = generator.integers(0, 3, values[place].shape)
    check_against_bincount(values, generator.random(values.shape) < 0.3)
    check_against_bincount(values.T, generator.random(values.T.shape) < 0.3)


@pytest.mark.parametrize("exact", [1, 7, 60, 1000])
@pytest.mark.parametrize("joint", [1, 50, 1 << 17])
def test_strips_and_halves_add_up(exact, joint):
    values = np.random.default_rng(5).integers(0, 9, (41, 20)).astype(np.uint8)
    with patch.object(histograms, "EXACT_FLOAT_COUNT", exact), patch.object(histograms, "JOINT_AREA", joint):
        check_against_bincount(values, values > 4)


@pytest.mark.parametrize("shape", [(512, 512), (513, 300), (1, 200_000), (200_000, 1)])
def test_large_maps_are_counted_by_halves(shape):
    values = np.random.default_rng(6).integers(0, 256, shape).astype(np.uint8)
    check_against_bincount(values, values % 3 == 0)
    assert np.array_equal(level_histogram(values), np.bincount(values.ravel(), minlength=256))


def test_a_read_only_array_is_counted_once_and_forgotten_with_it():
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    values.flags.writeable = False
    before = len(histograms._FACTS)
    with patch.object(cv2, "calcHist", wraps=cv2.calcHist) as counted:
        first = whole_histogram(values)
        assert whole_histogram(values) is whole_histogram(values)
        assert np.array_equal(first, np.bincount(values.ravel(), minlength=256))
        assert counted.call_count == 1
    assert len(histograms._FACTS) == before + 1
    del values, counted
    gc.collect()
    assert len(histograms._FACTS) == before


def test_counting_by_class_counts_a_read_only_array_for_whoever_asks_next():
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    values.flags.writeable = False
    histogram_of(values, values > 40)
    with patch.object(cv2, "calcHist", wraps=cv2.calcHist) as counted:
        assert np.array_equal(whole_histogram(values), np.bincount(values.ravel(), minlength=256))
        assert not counted.call_count


def test_an_array_that_may_change_is_counted_each_time():
    values = np.zeros((4, 4), np.uint8)
    assert whole_histogram(values)[0] == 16
    values[:] = 9
    assert whole_histogram(values)[9] == 16


def test_the_bounding_box_of_nothing_is_empty():
    nothing = np.zeros((5, 6), bool)
    assert nothing[bounding_box(nothing)].size == 0
    nothing[2, 3:5] = True
    assert bounding_box(nothing) == (slice(2, 3), slice(3, 5))


@pytest.mark.parametrize("frozen", [False, True])
def test_the_box_of_what_is_above_zero(frozen):
    values = np.zeros((9, 12), np.uint8)
    if not frozen:
        assert values[nonzero_box(values)].size == 0
    values[2, 3] = values[7, 10] = 1
    values.flags.writeable = not frozen
    with patch.object(cv2, "boundingRect", wraps=cv2.boundingRect) as looked_for:
        for _ in range(2):
            assert nonzero_box(values) == (slice(2, 8), slice(3, 11))
        assert looked_for.call_count == (1 if frozen else 2)
