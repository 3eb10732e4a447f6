"""Properties that hold for every map and every mask, searched for counterexamples."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from imlbench.counting import Truth
from imlbench.metrics import METRICS, Conventions, CountTable, f1_curve, sample_values
from imlbench.statistics import summarise


def searched(*strategies):
    """`given`, the same examples every time, without a store of its own."""
    return lambda test: settings(deadline=None, max_examples=60, derandomize=True, database=None)(
        given(*strategies)(test)
    )


shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)
score_types = st.sampled_from(["float32", "uint8", "bool"])
UNIT = st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.5, 1.0])
conventions = st.builds(
    Conventions,
    empty=st.sampled_from(["one", "skip", "zero"]),
    average=st.sampled_from(["image", "pixel"]),
    invert=st.sampled_from(["never", "best"]),
)
NAMES = list(METRICS)
COLUMNS = [field.name for field in fields(CountTable)]


@st.composite
def comparisons(draw):
    """(scores, mask) of one shape."""
    shape = draw(shapes)
    kind = draw(score_types)
    scores = draw(arrays.arrays(kind, shape, elements=UNIT if kind == "float32" else None))
    return scores, draw(arrays.arrays(bool, shape))


def table_of(pairs, threshold=0.5):
    """Counts of (scores, mask) pairs with boundaries at 2 pixels."""
    counted = [Truth(mask, 2).count(scores, threshold) for scores, mask in pairs]
    columns = np.array([(c.tp, c.fp, c.fn, c.tn) for c in counted], dtype=np.int64).reshape(-1, 4).T
    boundary = [(b.predicted, b.predicted_matched, b.true, b.true_matched) for b in (c.boundary for c in counted)]
    histogram = np.array([c.histogram for c in counted], dtype=np.int64).reshape(-1, 2, 256)
    return CountTable(*columns, histogram, np.array(boundary, dtype=np.int64).reshape(-1, 4))


def rows(table, chosen):
    return CountTable(*(getattr(table, name)[chosen] for name in COLUMNS))


def joined(tables):
    return CountTable(*(np.concatenate([getattr(t, name) for t in tables]) for name in COLUMNS))


def assert_equal_tables(first, second):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def values(table, chosen=Conventions()):  # noqa: B008 - frozen
    return {name: sample_values(table, name, chosen) for name in NAMES}


@searched(comparisons())
def test_the_four_counts_add_up_to_the_pixels(pair):
    _, mask = pair
    table = table_of([pair])
    assert table.tp + table.fp + table.fn + table.tn == mask.size
    assert table.tp + table.fn == mask.sum()
    assert min(table.tp[0], table.fp[0], table.fn[0], table.tn[0]) >= 0


@searched(comparisons())
def test_histogram_rows_add_up_to_the_class_sizes(pair):
    _, mask = pair
    np.testing.assert_array_equal(table_of([pair]).histogram[0].sum(axis=1), [(~mask).sum(), mask.sum()])


@searched(comparisons())
def test_counts_follow_from_the_histogram_at_one_half(pair):
    table = table_of([pair])
    above = table.histogram[0, :, 128:].sum(axis=1)
    assert (table.fp[0], table.tp[0]) == tuple(above)
    assert f1_curve(table)[0, 128] == sample_values(table, "f1", Conventions())[0]


@searched(arrays.arrays(bool, shapes))
def test_the_truth_as_prediction_scores_one(mask):
    found = values(table_of([(mask, mask)]))
    for name in ("f1", "iou", "precision", "recall", "boundary_f1", "f1_oracle"):
        assert found[name] == 1, name
    if mask.any() and not mask.all():
        for name in ("mcc", "auc", "ap"):
            assert found[name] == 1, name


@searched(arrays.arrays(bool, shapes))
def test_the_opposite_of_the_truth_scores_nothing(mask):
    found = values(table_of([(~mask, mask)]))
    assert found["f1"] == found["iou"] == 0
    if mask.any() and not mask.all():
        assert -1 <= found["mcc"] <= -1 + 1e-15
        assert found["auc"] == 0


@searched(st.data())
def test_prediction_and_truth_can_change_places(data):
    shape = data.draw(shapes)
    first, second = data.draw(arrays.arrays(bool, shape)), data.draw(arrays.arrays(bool, shape))
    there, back = values(table_of([(first, second)])), values(table_of([(second, first)]))
    for name in ("f1", "iou", "mcc", "boundary_f1"):
        np.testing.assert_allclose(there[name], back[name], rtol=1e-14, err_msg=name)
    np.testing.assert_array_equal(there["precision"], back["recall"])


@searched(comparisons(), st.sampled_from([np.flipud, np.fliplr, np.transpose, np.rot90]))
def test_flipping_and_turning_both_changes_nothing(pair, turn):
    assert_equal_tables(table_of([pair]), table_of([tuple(turn(array) for array in pair)]))


@searched(comparisons(), st.randoms(use_true_random=False))
def test_pixels_can_be_shuffled_except_for_boundaries(pair, random):
    order = list(range(pair[1].size))
    random.shuffle(order)
    shuffled = tuple(array.ravel()[order].reshape(array.shape) for array in pair)
    before, after = table_of([pair]), table_of([shuffled])
    for name in ("tp", "fp", "fn", "tn", "histogram"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


@searched(st.lists(comparisons(), min_size=1, max_size=6), st.randoms(use_true_random=False), conventions)
def test_averages_do_not_depend_on_the_order_of_the_samples(pairs, random, chosen):
    table = table_of(pairs)
    order = list(range(len(pairs)))
    random.shuffle(order)
    before = summarise(table, NAMES, chosen, resamples=0)
    after = summarise(rows(table, order), NAMES, chosen, resamples=0)
    for name in NAMES:
        assert before[name].mean == pytest.approx(after[name].mean, rel=0, abs=0, nan_ok=True), name
        assert before[name].n == after[name].n


@searched(st.lists(comparisons(), min_size=2, max_size=6), st.data())
def test_counting_in_shards_changes_nothing(pairs, data):
    cut = data.draw(st.integers(0, len(pairs)))
    assert_equal_tables(joined([table_of(pairs[:cut]), table_of(pairs[cut:])]), table_of(pairs))


@searched(comparisons())
def test_a_higher_threshold_marks_fewer_pixels(pair):
    low, high = table_of([pair], 0.2), table_of([pair], 0.8)
    assert high.tp <= low.tp
    assert high.fp <= low.fp


@searched(comparisons(), conventions)
def test_values_stay_in_their_range(pair, chosen):
    for name, found in values(table_of([pair]), chosen).items():
        assert np.isnan(found[0]) or METRICS[name].lowest <= found[0] <= 1, name


@searched(comparisons())
def test_the_oracle_and_the_better_of_two_are_never_worse(pair):
    table = table_of([pair])
    plain, best = values(table), values(table, Conventions(invert="best"))
    assert plain["f1_oracle"] >= plain["f1"]
    for name in NAMES:
        assert np.isnan(plain[name]) or best[name] >= plain[name], name


@searched(comparisons())
def test_f1_and_iou_rank_alike(pair):
    found = values(table_of([pair]))
    np.testing.assert_allclose(found["f1"], 2 * found["iou"] / (1 + found["iou"]), rtol=1e-12)
