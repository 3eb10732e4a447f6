"""Image-level AUC and false alarms against values worked out by hand, and against scikit-learn's idea of ties."""

from __future__ import annotations

import numpy as np
import pytest

from imlbench.detection_summaries import summarise_auc
from imlbench.metrics import CountTable, false_alarms, image_auc


def auc(manipulated, authentic) -> float:
    scores = np.array([*manipulated, *authentic], dtype=float)
    return float(image_auc(scores, np.arange(len(scores)) < len(manipulated))[0])


@pytest.mark.parametrize(
    ("manipulated", "authentic", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1, 0.2], [0.9, 0.8], 0.0),
        # Every pair is a tie: half of each. Some packages say 0 or 1 here, depending on the order.
        ([0.5, 0.5, 0.5], [0.5, 0.5], 0.5),
        # Pairs won: 0.8 beats 0.4 and 0.6; 0.4 beats none, ties with one: (2 + 0.5) / 4.
        ([0.8, 0.4], [0.4, 0.6], 0.625),
        # Won 1 + 0 + 2, tied 1 + 1 + 0, of 6: (3 + 1) / 6.
        ([0.5, 0.3, 0.7], [0.3, 0.5], 2 / 3),
        ([0.3], [0.1, 0.2, 0.3, 0.4], 0.625),
    ],
)
def test_auc_is_the_share_of_pairs_in_the_right_order_where_ties_count_half(manipulated, authentic, expected):
    assert auc(manipulated, authentic) == pytest.approx(expected, abs=1e-15)


def test_auc_of_many_scores_with_ties_is_that_of_counting_all_pairs():
    rng = np.random.default_rng(5)
    manipulated, authentic = rng.integers(0, 12, 70) / 12, rng.integers(0, 9, 45) / 12
    difference = manipulated[:, None] - authentic[None, :]
    assert auc(manipulated, authentic) == pytest.approx(((difference > 0) + 0.5 * (difference == 0)).mean(), abs=1e-12)


@pytest.mark.parametrize(("manipulated", "authentic"), [([], [0.5]), ([0.5], []), ([], [])])
def test_auc_without_a_class_is_no_number(manipulated, authentic):
    assert np.isnan(auc(manipulated, authentic))
    summary = summarise_auc(np.array(manipulated), np.array(authentic))
    assert summary.n == 0
    assert np.isnan(summary.mean)


def test_weights_stand_for_repeated_images():
    scores = np.array([0.8, 0.4, 0.4, 0.6])
    classes = np.array([True, True, False, False])
    weights = np.array([[2, 1, 1, 0], [0, 0, 3, 1], [1, 1, 1, 1]], dtype=float)
    once, absent, plain = image_auc(scores, classes, weights)
    assert once == pytest.approx(auc([0.8, 0.8, 0.4], [0.4]))
    assert np.isnan(absent)
    assert plain == pytest.approx(0.625)


def test_the_interval_of_the_auc_holds_it_and_depends_on_the_seed_alone():
    rng = np.random.default_rng(1)
    manipulated, authentic = rng.normal(0.6, 0.1, 60).clip(0, 1), rng.normal(0.5, 0.1, 50).clip(0, 1)
    summary = summarise_auc(manipulated, authentic, seed=3)
    assert summary.n == 110
    assert 0 < summary.low < summary.mean < summary.high < 1
    assert 0.01 < summary.stderr < 0.1
    assert summary == summarise_auc(manipulated, authentic, seed=3)


def test_false_alarms_are_the_marked_share_of_what_is_untouched():
    counts = {"tp": [5, 0, 10], "fp": [3, 25, 0], "fn": [1, 0, 0], "tn": [9, 75, 0]}
    table = CountTable(
        **{name: np.array(values) for name, values in counts.items()},
        histogram=np.zeros((3, 2, 256), np.int64),
        boundary=np.full((3, 4), -1),
    )
    np.testing.assert_allclose(false_alarms(table), [0.25, 0.25, np.nan])
