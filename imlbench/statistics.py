"""Means with their uncertainty: standard error and bootstrap interval over samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from imlbench.metrics import Conventions, CountTable, metric, sample_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.metrics import Values

RESAMPLES = 1000
BLOCK_DRAWS = 1 << 18
"""Draws in memory at once, 2 MiB, however many samples there are."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over a set of samples, as a fraction (multiply by 100 for per cent).

    Attributes:
        mean: NaN where no sample has a value.
        stderr: standard error: of the mean over samples, or the bootstrap's deviation for pooled counts.
        low: lower end of the bootstrap 95 % interval.
        high: upper end.
        n: number of samples with a value.
    """

    mean: float
    stderr: float
    low: float
    high: float
    n: int


def resampling_weights(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each of n samples is drawn in each bootstrap resample, in blocks of m x n.

    Two annotators over the same samples get the same resamples, so that their difference is paired.
    """
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK_DRAWS // n)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        draws = generator.integers(0, n, size=(rows, n))
        offsets = np.arange(rows)[:, np.newaxis] * n
        yield np.bincount((draws + offsets).ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def column_means(values: Values) -> tuple[Values, NDArray[np.int64]]:
    """Mean of each column over the samples that have a value, and how many have one.

    Sums are correctly rounded, so that no digit depends on the order of the samples, on shards or on the number
    of columns.
    """
    counts = np.isfinite(values).sum(axis=0)
    sums = np.array([math.fsum(column[np.isfinite(column)]) for column in values.T])
    return sums / np.where(counts > 0, counts, np.nan), counts


def summarise_values(values: Values, seed: int = 0, resamples: int = RESAMPLES) -> list[Summary]:
    """Mean over samples of each column.

    Args:
        values: n x m, one column a metric; NaN = the sample has no value and is left out.
        seed: of the bootstrap.
        resamples: number of bootstrap resamples.
    """
    return summarise_groups({"": values}, seed, resamples)[""]


def summarise_groups(
    groups: Mapping[str, Values], seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, list[Summary]]:
    """`summarise_values` of several n x m tables; those of the same n share one set of resamples."""
    summaries: dict[str, list[Summary]] = {}
    for n in {len(values) for values in groups.values()}:
        alike = {name: values for name, values in groups.items() if len(values) == n}
        # Side by side they are one table, which takes one product and one pass for the quantiles.
        columns = Columns(np.concatenate(list(alike.values()), axis=1))
        blocks = [columns.resampled(weights) for weights in resampling_weights(n, resamples, seed)] if n else []
        found = iter(columns.summaries(np.concatenate(blocks) if blocks else np.empty((0, len(columns.counts)))))
        summaries |= {name: list(islice(found, values.shape[1])) for name, values in alike.items()}
    return summaries


class Columns:
    """Columns of values with what the bootstrap needs of them, without copies of those that are complete.

    Args:
        values: n x m; NaN = the sample has no value.
    """

    def __init__(self, values: Values) -> None:
        self.means, self.counts = column_means(values)
        self.stderrs = np.array([standard_error(column) for column in values.T])
        self._gaps = np.flatnonzero(self.counts < len(values))
        self._present = np.isfinite(values[:, self._gaps]).astype(np.float64)
        self._filled = np.nan_to_num(values) if len(self._gaps) else values

    def resampled(self, weights: NDArray[np.float64]) -> Values:
        """Means of each column under each row of weights: r x m; NaN where a resample holds no value."""
        totals = np.broadcast_to(weights.sum(axis=1, keepdims=True), (len(weights), len(self.counts))).copy()
        totals[:, self._gaps] = weights @ self._present
        means: Values = np.full_like(totals, np.nan)
        np.divide(weights @ self._filled, totals, out=means, where=totals > 0)
        return means

    def summaries(self, drawn: Values) -> list[Summary]:
        """The columns' summaries, from their resampled means."""
        lows, highs = interval(drawn)
        numbers = zip(self.means, self.stderrs, lows, highs, self.counts, strict=True)
        return [
            Summary(float(mean), float(stderr), float(low), float(high), int(count))
            for mean, stderr, low, high, count in numbers
        ]


def standard_error(column: Values) -> float:
    """Standard error of the mean of the finite values; NaN where there are fewer than two."""
    finite = column[np.isfinite(column)]
    return float(finite.std(ddof=1) / math.sqrt(len(finite))) if len(finite) > 1 else math.nan


def interval(drawn: Values) -> tuple[Values, Values]:
    """Percentile bootstrap: the 2.5 % and 97.5 % quantiles of each column, NaN where there is none."""
    ends = np.full((2, drawn.shape[1]), np.nan)
    if len(drawn):
        missing = np.isnan(drawn)
        whole = ~missing.any(axis=0)
        # Many times as fast as the variant that looks for gaps, which goes from column to column.
        ends[:, whole] = np.quantile(drawn[:, whole], [0.025, 0.975], axis=0)
        partly = ~whole & ~missing.all(axis=0)
        if partly.any():
            ends[:, partly] = np.nanquantile(drawn[:, partly], [0.025, 0.975], axis=0)
    return ends[0], ends[1]


def summarise_pooled(
    table: CountTable, names: Sequence[str], conventions: Conventions, seed: int = 0, resamples: int = RESAMPLES
) -> list[Summary]:
    """Metrics of the pooled counts, with the bootstrap over samples (not pixels)."""
    if not len(table):
        return [Summary(np.nan, np.nan, np.nan, np.nan, 0) for _ in names]
    pooled = [float(sample_values(table.pooled(), name, conventions)[0]) for name in names]
    blocks = [np.empty((0, len(names)))]
    for weights in resampling_weights(len(table), resamples, seed):
        resampled = table.pooled(weights)
        blocks.append(np.stack([sample_values(resampled, name, conventions) for name in names], axis=1))
    drawn = np.concatenate(blocks)
    lows, highs = interval(drawn)
    stderrs = [float(np.nanstd(column)) if np.isfinite(column).any() else np.nan for column in drawn.T]
    return [Summary(pooled[i], stderrs[i], float(lows[i]), float(highs[i]), len(table)) for i in range(len(names))]


def summarise(
    table: CountTable, names: Sequence[str], conventions: Conventions, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Summary]:
    """Summaries of several metrics under the conventions' kind of average.

    Raises:
        UserError: unknown metric.
    """
    for name in names:
        metric(name)
    if conventions.average == "pixel":
        summaries = summarise_pooled(table, names, conventions, seed, resamples)
    else:
        values = np.stack([sample_values(table, name, conventions) for name in names], axis=1)
        summaries = summarise_values(values, seed, resamples)
    return dict(zip(names, summaries, strict=True))
