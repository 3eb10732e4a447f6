"""Histograms: equal to NumPy's counts, and counted once for a read-only array."""

from __future__ import annotations

import gc
from unittest.mock import patch

import numpy as np
import pytest

from imlbench import histograms
from imlbench.histograms import class_histogram, count_levels, whole_histogram
from imlbench.masks import bounding_box


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_class_histogram_equals_bincount(share):
    generator = np.random.default_rng(3)
    for shape in [(1, 1), (7, 5), (64, 33)]:
        values = generator.integers(0, 256, shape).astype(np.uint8)
        mask = generator.random(shape) < share
        found = class_histogram(values, mask.view(np.uint8), bounding_box(mask))
        for row, chosen in enumerate((~mask, mask)):
            assert np.array_equal(found[row], np.bincount(values[chosen], minlength=256))


def test_a_read_only_array_is_counted_once_and_forgotten_with_it():
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    values.flags.writeable = False
    before = len(histograms._COUNTED)
    with patch.object(histograms, "count_levels", wraps=count_levels) as counted:
        first = whole_histogram(values)
        assert whole_histogram(values) is first
        assert counted.call_count == 1
    assert len(histograms._COUNTED) == before + 1
    del values, counted
    gc.collect()
    assert len(histograms._COUNTED) == before


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
