"""Intervals over seeds and the paired test, by hand and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from reports.study_statistics import over_seeds, sign_flip


def test_an_interval_over_three_seeds_is_students():
    values = [0.2, 0.3, 0.7]
    found = over_seeds(values)
    low, high = stats.t.interval(0.95, 2, loc=0.4, scale=stats.sem(values))
    assert found.mean == pytest.approx(0.4)
    assert found.half == pytest.approx((high - low) / 2, rel=1e-3)
    assert found.seeds == 3


def test_one_seed_has_no_interval_and_none_no_mean():
    assert over_seeds([0.5])[:1] == (0.5,)
    assert math.isnan(over_seeds([0.5]).half)
    assert math.isnan(over_seeds([]).mean)


def test_all_flips_of_few_images_are_counted():
    # Of 8 patterns of signs, two give a sum of 6 in size.
    assert sign_flip(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 8)
    # Sums of 2 and -2 and 6: all eight are at least as far from 0 as |1 - 2 + 3| = 2 but those of 0.
    assert sign_flip(np.array([1.0, -2.0, 3.0])) == pytest.approx(6 / 8)


def test_no_difference_is_no_evidence():
    assert sign_flip(np.zeros(5)) == 1
    assert sign_flip(np.array([np.nan])) == 1
    assert sign_flip(np.array([])) == 1


def test_many_images_agree_with_the_t_test():
    differences = np.random.default_rng(0).normal(0.1, 1, 400)
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert sign_flip(differences) == pytest.approx(expected, abs=0.02)
    assert sign_flip(differences) == sign_flip(differences)


def test_images_without_a_value_are_left_out():
    assert sign_flip(np.array([1.0, np.nan, 2.0, 3.0])) == sign_flip(np.array([1.0, 2.0, 3.0]))
