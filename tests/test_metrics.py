"""Metrics against scikit-learn, and the conventions where scikit-learn has no say."""

import math
from dataclasses import fields

import numpy as np
import pytest
from sklearn import metrics as reference

from imlbench.counting import Truth
from imlbench.errors import UserError
from imlbench.histograms import levels
from imlbench.metrics import METRICS, Conventions, CountTable, f1_curve, metric, sample_values

DEFAULT = Conventions()
COLUMNS = [field.name for field in fields(CountTable)]


def table_of(counted):
    """The table of some `SampleCounts`."""
    columns = np.array([(c.tp, c.fp, c.fn, c.tn) for c in counted], dtype=np.int64).reshape(-1, 4).T
    histogram = np.array([c.histogram for c in counted], dtype=np.int64).reshape(-1, 2, 256)
    rows = [
        (-1,) * 4
        if c.boundary is None
        else (c.boundary.predicted, c.boundary.predicted_matched, c.boundary.true, c.boundary.true_matched)
        for c in counted
    ]
    return CountTable(*columns, histogram, np.array(rows, dtype=np.int64).reshape(-1, 4))


def counted(scores, mask, threshold=0.5, tolerance=None):
    return table_of([Truth(mask, tolerance).count(scores, threshold)])


def plain_table(tp, fp, fn, tn, boundary=(-1, -1, -1, -1)):
    """One sample given by its four counts."""
    histogram = np.zeros((1, 2, 256), dtype=np.int64)
    histogram[0, 0, [0, -1]] = tn, fp
    histogram[0, 1, [0, -1]] = fn, tp
    columns = [np.array([count], dtype=np.int64) for count in (tp, fp, fn, tn)]
    return CountTable(*columns, histogram, np.array([boundary], dtype=np.int64))


def value(table, name, conventions=DEFAULT):
    return float(sample_values(table, name, conventions)[0])


def cases():
    """Masks and maps, degenerate ones included: name -> (scores, mask)."""
    generator = np.random.default_rng(0)
    shape = (13, 17)
    one_pixel = np.zeros(shape, bool)
    one_pixel[3, 4] = True
    masks = {
        "sparse": generator.random(shape) < 0.1,
        "half": generator.random(shape) < 0.5,
        "one pixel": one_pixel,
        "all but one": ~one_pixel,
        "empty": np.zeros(shape, bool),
        "full": np.ones(shape, bool),
    }
    random = generator.random(shape, dtype=np.float32)
    maps = {
        "float": random,
        "levels": generator.integers(0, 256, shape, dtype=np.uint8),
        "decision": random > 0.6,
        "ties": (np.round(random * 3) / 3).astype(np.float32),
        "constant 0": np.zeros(shape, np.float32),
        "constant 0.5": np.full(shape, 0.5, np.float32),
        "constant 1": np.ones(shape, np.float32),
    }
    return {f"{m}, {s}": (maps[s], masks[m]) for m in masks for s in maps}


CASES = cases()
DECISIONS = {
    "f1": lambda truth, marked: reference.f1_score(truth, marked, zero_division=0),
    "iou": lambda truth, marked: reference.jaccard_score(truth, marked, zero_division=0),
    "precision": lambda truth, marked: reference.precision_score(truth, marked, zero_division=0),
    "recall": lambda truth, marked: reference.recall_score(truth, marked, zero_division=0),
    "mcc": reference.matthews_corrcoef,
}


def decided(scores):
    if scores.dtype == bool:
        return scores
    return scores >= (128 if scores.dtype == np.uint8 else 0.5)


def binned(scores):
    return np.where(scores, 255, 0) if scores.dtype == bool else levels(scores)


@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.parametrize("case", CASES)
def test_decisions_are_scored_as_scikit_learn_scores_them(case):
    scores, mask = CASES[case]
    marked = decided(scores)
    table = counted(scores, mask)
    for name, function in DECISIONS.items():
        expected = function(mask.ravel(), marked.ravel())
        if name != "mcc" and not mask.any() and not marked.any():
            expected = 1.0
        assert value(table, name) == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize("case", CASES)
def test_rankings_are_scored_as_scikit_learn_scores_the_bins(case):
    scores, mask = CASES[case]
    table, truth, bins = counted(scores, mask), mask.ravel(), binned(scores).ravel()
    if mask.any() and not mask.all():
        assert value(table, "auc") == pytest.approx(reference.roc_auc_score(truth, bins), abs=1e-12)
    else:
        assert math.isnan(value(table, "auc"))
    if mask.any():
        assert value(table, "ap") == pytest.approx(reference.average_precision_score(truth, bins), abs=1e-12)
    else:
        assert math.isnan(value(table, "ap"))


def test_256_bins_are_near_the_unbinned_ranking():
    generator = np.random.default_rng(5)
    mask = generator.random((64, 64)) < 0.3
    scores = np.clip(generator.normal(0.35 + 0.3 * mask, 0.15), 0, 1).astype(np.float32)
    table = counted(scores, mask)
    assert value(table, "auc") == pytest.approx(reference.roc_auc_score(mask.ravel(), scores.ravel()), abs=1e-3)
    assert value(table, "ap") == pytest.approx(
        reference.average_precision_score(mask.ravel(), scores.ravel()), abs=3e-3
    )


@pytest.mark.parametrize("case", CASES)
def test_the_oracle_is_the_best_of_all_thresholds(case):
    scores, mask = CASES[case]
    table, bins = counted(scores, mask), binned(scores)
    expected = [
        1.0
        if not mask.any() and not (bins >= threshold).any()
        else reference.f1_score(mask.ravel(), (bins >= threshold).ravel(), zero_division=0)
        for threshold in (*np.unique(bins), 256)
    ]
    assert value(table, "f1_oracle") == pytest.approx(max(expected), abs=1e-12)


def test_the_f1_curve_holds_the_f1_at_each_level():
    generator = np.random.default_rng(3)
    scores, mask = generator.integers(0, 256, (20, 20), dtype=np.uint8), generator.random((20, 20)) < 0.2
    curve = f1_curve(counted(scores, mask))[0]
    assert curve.shape == (257,)
    for threshold in range(256):
        assert curve[threshold] == value(counted(scores, mask, threshold / 255), "f1")
    assert curve[256] == 0


@pytest.mark.parametrize("name", ["f1", "iou", "precision", "recall", "boundary_f1"])
@pytest.mark.parametrize(("empty", "expected"), [("one", 1.0), ("zero", 0.0), ("skip", math.nan)])
def test_nothing_edited_and_nothing_marked_follows_the_convention(name, empty, expected):
    table = plain_table(0, 0, 0, 9, boundary=(0, 0, 0, 0))
    assert value(table, name, Conventions(empty=empty)) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ["f1", "iou", "precision", "recall", "boundary_f1"])
@pytest.mark.parametrize("empty", ["one", "zero", "skip"])
def test_the_empty_convention_does_not_touch_other_samples(name, empty):
    conventions = Conventions(empty=empty)
    assert value(plain_table(0, 4, 0, 5, boundary=(3, 0, 0, 0)), name, conventions) == 0
    assert value(plain_table(0, 0, 4, 5, boundary=(0, 0, 3, 0)), name, conventions) == 0
    assert value(plain_table(4, 0, 0, 5, boundary=(3, 3, 3, 3)), name, conventions) == 1


def test_skip_reaches_the_oracle_only_where_marking_nothing_is_right():
    empty_truth = plain_table(0, 2, 0, 7)
    assert value(empty_truth, "f1_oracle", Conventions(empty="one")) == 1
    assert value(empty_truth, "f1_oracle", Conventions(empty="zero")) == 0
    assert value(plain_table(2, 0, 0, 7), "f1_oracle", Conventions(empty="skip")) == 1


def test_a_bad_convention_names_the_allowed_ones():
    with pytest.raises(UserError, match="empty='two': expected one of one, skip, zero"):
        Conventions(empty="two")
    with pytest.raises(UserError, match="image, pixel"):
        Conventions(average="macro")
    with pytest.raises(UserError, match="never, best"):
        Conventions(invert="always")
    assert str(Conventions()) == "empty=one, average=image, invert=never"


def test_an_unknown_metric_names_the_known_ones():
    with pytest.raises(UserError, match=r"'dice'.*f1, iou"):
        metric("dice")


def test_best_of_a_map_and_its_inverse():
    generator = np.random.default_rng(1)
    mask = generator.random((16, 16)) < 0.3
    scores = np.clip(mask * 0.6 + generator.random((16, 16)) * 0.4, 0, 1).astype(np.float32)
    best = Conventions(invert="best")
    upright, inverted = counted(scores, mask), counted((255 - levels(scores)).astype(np.uint8), mask)
    for name in ("f1", "iou", "precision", "recall", "mcc", "auc", "ap", "f1_oracle"):
        assert value(upright, name, best) == value(upright, name), name
    for name in ("auc", "ap", "f1_oracle"):
        assert value(inverted, name, best) == pytest.approx(value(upright, name), abs=1e-12), name
    marked = counted(scores >= 0.5, mask)
    unmarked = counted(scores < 0.5, mask)
    for name in ("f1", "iou", "precision", "recall", "mcc"):
        assert value(unmarked, name, best) == value(marked, name), name
        assert value(unmarked, name) < value(marked, name), name


def test_the_inverse_of_the_inverse_is_the_table_itself():
    scores, mask = CASES["half, levels"]
    table = counted(scores, mask)
    again = table.inverse().inverse()
    for name in ("tp", "fp", "fn", "tn", "histogram"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))


def test_the_inverse_of_a_map_has_no_boundary_f1_and_does_not_hide_the_maps_own():
    table = plain_table(4, 2, 1, 9, boundary=(4, 2, 4, 2))
    assert value(table, "boundary_f1", Conventions(invert="best")) == 0.5


def test_marking_everything_scores_as_a_map_of_ones():
    mask = np.arange(40).reshape(5, 8) % 3 == 0
    found = counted(np.random.default_rng(0).random((5, 8), np.float32), mask)
    ones = counted(np.ones((5, 8), np.float32), mask)
    floor = found.marking_everything()
    for name in ("f1", "iou", "precision", "recall", "auc"):
        assert value(floor, name) == value(ones, name)
    assert value(floor, "auc") == 0.5


@pytest.mark.parametrize("scale", [1, 10**6, 10**12, 10**15])
def test_mcc_of_huge_counts_neither_overflows_nor_leaves_its_range(scale):
    expected = value(plain_table(3, 2, 1, 5), "mcc")
    table = plain_table(3 * scale, 2 * scale, scale, 5 * scale)
    assert value(table, "mcc") == pytest.approx(expected, rel=1e-12)
    assert value(plain_table(7 * scale, 0, 0, 13 * scale), "mcc") == 1
    opposite = value(plain_table(0, 7 * scale, 13 * scale, 0), "mcc")
    assert -1 <= opposite <= -1 + 1e-15


def test_a_perfect_prediction_has_an_mcc_of_exactly_one():
    generator = np.random.default_rng(0)
    for tp, tn in generator.integers(1, 1 << 40, (500, 2)):
        assert value(plain_table(tp, 0, 0, tn), "mcc") == 1


def test_boundary_f1_by_hand():
    assert value(plain_table(9, 1, 1, 9, boundary=(8, 4, 6, 6)), "boundary_f1") == pytest.approx(2 * 0.5 / 1.5)
    assert math.isnan(value(plain_table(9, 1, 1, 9), "boundary_f1"))


@pytest.mark.parametrize(("marked", "expected"), [(True, 1.0), (False, 0.0)])
def test_a_full_mask_has_no_boundary_and_is_still_told_from_an_empty_map(marked, expected):
    table = counted(np.full((6, 6), marked), np.ones((6, 6), bool), tolerance=2)
    assert value(table, "boundary_f1") == expected


def test_the_mcc_of_an_opposite_never_leaves_its_range():
    generator = np.random.default_rng(0)
    for fp, fn in generator.integers(1, 1 << 40, (500, 2)):
        assert -1 <= value(plain_table(0, fp, fn, 0), "mcc") <= -1 + 1e-15


def test_pooling_adds_the_counts_of_the_samples():
    tables = [counted(*CASES[name], tolerance=1) for name in ("sparse, float", "half, float", "full, levels")]
    joined = CountTable(*(np.concatenate([getattr(t, name) for t in tables]) for name in COLUMNS))
    pooled = joined.pooled()
    assert len(joined) == 3
    assert len(pooled) == 1
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(pooled, name), getattr(joined, name).sum(axis=0, keepdims=True))
    weights = np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    twice = joined.pooled(weights)
    np.testing.assert_array_equal(twice.tp, [2 * joined.tp[0] + joined.tp[2], 0])
    np.testing.assert_array_equal(twice.histogram[0], 2 * joined.histogram[0] + joined.histogram[2])


def test_pooling_leaves_out_unknown_boundaries_only():
    known, unknown = plain_table(1, 1, 1, 1, boundary=(4, 2, 4, 3)), plain_table(1, 1, 1, 1)
    both = CountTable(*(np.concatenate([getattr(t, n) for t in (known, unknown)]) for n in COLUMNS))
    np.testing.assert_array_equal(both.pooled().boundary, [[4, 2, 4, 3]])
    np.testing.assert_array_equal(unknown.pooled().boundary, [[-1, -1, -1, -1]])


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_stays_in_its_range_and_accepts_no_samples(name):
    table = table_of([Truth(mask, 2).count(scores, 0.5) for scores, mask in CASES.values()])
    for conventions in (DEFAULT, Conventions(empty="zero", invert="best")):
        values = sample_values(table, name, conventions)
        assert values.shape == (len(table),)
        present = values[np.isfinite(values)]
        assert present.size
        assert METRICS[name].lowest <= present.min()
        assert present.max() <= 1
    assert sample_values(table_of([]), name, DEFAULT).shape == (0,)
