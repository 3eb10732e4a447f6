"""Means, standard errors and bootstrap intervals, against NumPy, SciPy and sums by hand."""

import math
from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from imlbench.errors import UserError
from imlbench.metrics import METRICS, Conventions, CountTable, sample_values
from imlbench.statistics import (
    column_means,
    interval,
    resampling_weights,
    summarise,
    summarise_pooled,
    summarise_values,
)

COLUMNS = [field.name for field in fields(CountTable)]


def random_table(n, seed=0):
    """n samples with histograms of two bins; some samples are empty, some without boundary counts."""
    generator = np.random.default_rng(seed)
    tp, fp, fn, tn = generator.integers(0, 1000, (4, n))
    for column in (tp, fp, fn):
        column[::7] = 0
    histogram = np.zeros((n, 2, 256), dtype=np.int64)
    histogram[:, 0, 0], histogram[:, 0, 255], histogram[:, 1, 0], histogram[:, 1, 255] = tn, fp, fn, tp
    predicted, true = generator.integers(1, 50, (2, n))
    boundary = np.stack([predicted, predicted // 2, true, true // 3], axis=1)
    boundary[::5] = -1
    return CountTable(tp, fp, fn, tn, histogram, boundary)


def same(first, second):
    return all(
        getattr(first, name) == pytest.approx(getattr(second, name), rel=1e-12, nan_ok=True)
        for name in ("mean", "stderr", "low", "high", "n")
    )


def test_mean_and_standard_error_are_numpys_and_scipys():
    values = np.random.default_rng(0).random((50, 3))
    for i, summary in enumerate(summarise_values(values)):
        assert summary.mean == pytest.approx(np.mean(values[:, i]), rel=1e-14)
        assert summary.stderr == pytest.approx(stats.sem(values[:, i]), rel=1e-12)
        assert summary.n == 50


def test_samples_without_a_value_are_left_out():
    values = np.random.default_rng(1).random((40, 2))
    values[::3, 1] = np.nan
    summary = summarise_values(values)[1]
    assert summary.n == np.isfinite(values[:, 1]).sum()
    assert summary.mean == pytest.approx(np.nanmean(values[:, 1]), rel=1e-14)
    assert summary.stderr == pytest.approx(stats.sem(values[:, 1], nan_policy="omit"), rel=1e-12)
    assert summary.low < summary.mean < summary.high


def test_a_column_without_any_value_is_nan_and_disturbs_no_other():
    values = np.random.default_rng(2).random((30, 2))
    alone = summarise_values(values[:, :1])[0]
    values[:, 1] = np.nan
    present, absent = summarise_values(values)
    assert same(present, alone)
    assert absent.n == 0
    assert all(math.isnan(number) for number in (absent.mean, absent.stderr, absent.low, absent.high))


def test_quantiles_of_whole_partial_and_empty_columns_are_numpys():
    drawn = np.random.default_rng(8).random((50, 3))
    drawn[::4, 1], drawn[:, 2] = np.nan, np.nan
    for end, share in zip(interval(drawn), (0.025, 0.975), strict=True):
        expected = [np.quantile(drawn[:, 0], share), np.nanquantile(drawn[:, 1], share), np.nan]
        np.testing.assert_array_equal(end, expected)


def test_the_bootstrap_interval_is_near_scipys():
    values = np.random.default_rng(3).normal(0.6, 0.1, (80, 1))
    ours = summarise_values(values, resamples=4000)[0]
    theirs = stats.bootstrap((values[:, 0],), np.mean, n_resamples=4000, method="percentile", rng=0)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=2e-3)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=2e-3)


def test_the_interval_covers_the_true_mean_nearly_always():
    generator = np.random.default_rng(4)
    summaries = [summarise_values(generator.random((60, 1)), resamples=200)[0] for _ in range(200)]
    covered = sum(summary.low <= 0.5 <= summary.high for summary in summaries)
    assert 178 <= covered <= 199


def test_the_seed_decides_the_interval_and_nothing_else():
    values = np.random.default_rng(5).random((25, 2))
    first, again, other = (summarise_values(values, seed=seed)[0] for seed in (7, 7, 8))
    assert first == again
    assert first.low != other.low
    assert (first.mean, first.stderr) == (other.mean, other.stderr)


def test_equal_samples_get_equal_resamples_whatever_the_block(monkeypatch):
    whole = np.concatenate(list(resampling_weights(9, 120, seed=3)))
    monkeypatch.setattr("imlbench.statistics.BLOCK_DRAWS", 90)
    blocks = list(resampling_weights(9, 120, seed=3))
    assert [len(block) for block in blocks] == [10] * 12
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    np.testing.assert_array_equal(whole.sum(axis=1), 9)


@pytest.mark.parametrize("average", ["image", "pixel"])
def test_no_samples_give_nan(average):
    for summary in summarise(random_table(0), list(METRICS), Conventions(average=average)).values():
        assert summary.n == 0
        assert all(math.isnan(number) for number in (summary.mean, summary.stderr, summary.low, summary.high))


@pytest.mark.parametrize("average", ["image", "pixel"])
def test_one_sample_has_a_mean_and_no_spread(average):
    one = CountTable(*(getattr(random_table(3), name)[1:2] for name in COLUMNS))
    summary = summarise(one, ["f1"], Conventions(average=average))["f1"]
    assert summary.n == 1
    assert summary.mean == summary.low == summary.high == sample_values(one, "f1", Conventions())[0]
    assert math.isnan(summary.stderr) if average == "image" else summary.stderr < 1e-12


@pytest.mark.parametrize("average", ["image", "pixel"])
def test_without_resamples_there_is_a_mean_and_no_interval(average):
    conventions = Conventions(average=average)
    with_interval = summarise(random_table(20), ["f1", "iou"], conventions)["iou"]
    without = summarise(random_table(20), ["f1", "iou"], conventions, resamples=0)["iou"]
    assert without.mean == with_interval.mean
    assert math.isnan(without.low)
    assert math.isnan(without.high)


def test_the_mean_does_not_depend_on_order_or_on_the_other_columns():
    values = np.random.default_rng(6).random((2001, 4)) ** 9
    means, counts = column_means(values)
    for order in (slice(None, None, -1), np.random.default_rng(7).permutation(2001)):
        np.testing.assert_array_equal(column_means(values[order])[0], means)
    for i in range(4):
        assert column_means(values[:, i : i + 1])[0][0] == means[i]
    np.testing.assert_array_equal(counts, 2001)


def test_image_averages_are_means_of_the_sample_values():
    table, conventions = random_table(30), Conventions(empty="skip")
    for name, summary in summarise(table, list(METRICS), conventions).items():
        values = sample_values(table, name, conventions)
        assert summary.mean == pytest.approx(np.nanmean(values), rel=1e-14), name
        assert summary.n == np.isfinite(values).sum(), name


def test_pixel_averages_are_the_metric_of_the_summed_counts():
    table = random_table(30)
    found = summarise(table, ["f1", "iou", "recall", "boundary_f1"], Conventions(average="pixel"))
    tp, fp, fn = table.tp.sum(), table.fp.sum(), table.fn.sum()
    assert found["f1"].mean == 2 * tp / (2 * tp + fp + fn)
    assert found["iou"].mean == tp / (tp + fp + fn)
    assert found["recall"].mean == tp / (tp + fn)
    predicted, predicted_matched, true, true_matched = table.boundary[table.boundary[:, 0] >= 0].sum(axis=0)
    precision, recall = predicted_matched / predicted, true_matched / true
    assert found["boundary_f1"].mean == pytest.approx(2 * precision * recall / (precision + recall), rel=1e-14)


def test_the_pooled_bootstrap_draws_samples_not_pixels():
    table = random_table(12)
    summary = summarise_pooled(table, ["f1"], Conventions(average="pixel"), seed=2, resamples=300)[0]
    drawn = []
    for weights in np.concatenate(list(resampling_weights(12, 300, seed=2))):
        tp, fp, fn = (float(weights @ column) for column in (table.tp, table.fp, table.fn))
        drawn.append(2 * tp / (2 * tp + fp + fn))
    assert summary.low == pytest.approx(np.quantile(drawn, 0.025), rel=1e-12)
    assert summary.high == pytest.approx(np.quantile(drawn, 0.975), rel=1e-12)
    assert summary.stderr == pytest.approx(np.std(drawn), rel=1e-12)
    assert summary.n == 12


def test_an_unknown_metric_is_refused_before_any_work():
    with pytest.raises(UserError, match="unknown metric 'f2'"):
        summarise(random_table(3), ["f1", "f2"], Conventions())
