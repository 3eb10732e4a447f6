"""Calibration from stored histograms: how often pixels of a score are edited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imlbench.errors import UserError
from imlbench.histograms import BINS
from imlbench.registry import natural_key
from imlbench.statistics import RESAMPLES, resampling_weights
from reports.curves import FAMILY, FAMILY_TITLE, best_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.metrics import CountTable, Values
    from imlbench.results.reading import ResultReader, StoredRun

CENTRES = (np.arange(BINS) + 0.5) / BINS
"""The score that stands for each of the 256 stored bins: within 1/512 of every score in it, float or grey level."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """One annotator on one dataset, pixels of all samples pooled.

    Attributes:
        annotator: title; the fixed rows of PixDiff share one score map.
        dataset: title.
        run: whose histograms were read.
        samples: number of samples.
        counts: 2 x m, int64: unedited and edited pixels by score bin, m equal bins of [0, 1].
        score: m: mean score of a bin's pixels, NaN where it has none.
        observed: m: edited share of a bin's pixels.
        low: m: lower end of the 95 % bootstrap interval of `observed` over samples.
        high: m: upper end.
        ece: expected calibration error in [0, 1], see `expected_error`.
        ece_interval: its 95 % bootstrap interval over samples.
    """

    annotator: str
    dataset: str
    run: StoredRun
    samples: int
    counts: NDArray[np.int64]
    score: Values
    observed: Values
    low: Values
    high: Values
    ece: float
    ece_interval: tuple[float, float]


def soft_runs(runs: Sequence[StoredRun]) -> tuple[list[StoredRun], list[str]]:
    """For each annotator and dataset the soft run with most samples, and the titles of annotators left out as hard.

    Raises:
        UserError: all are hard.
    """
    soft = [stored for stored in runs if stored.run.soft]
    hard = sorted({stored.run.adapter_title for stored in runs if not stored.run.soft}, key=natural_key)
    if not soft:
        raise UserError(f"{', '.join(hard)}: hard decisions without scores, so there is nothing to calibrate")
    return list(best_runs(soft)), hard


def make_calibrations(reader: ResultReader, runs: Iterable[StoredRun], bins: int, seed: int) -> list[Calibration]:
    """One per run that scored a sample.

    Args:
        reader: the results.
        runs: soft runs.
        bins: number of equal score bins, a divisor of 256.
        seed: of the bootstrap.

    Raises:
        UserError: 256 cannot be split into so many bins, or no run scored a sample with a local edit.
    """
    if not (2 <= bins <= BINS and BINS % bins == 0):
        raise UserError(f"--bins: expected 2, 4, 8, 16, 32, 64, 128 or 256, found {bins}")
    found = [one for stored in runs if (one := make_calibration(reader, stored, bins, seed)) is not None]
    if not found:
        raise UserError(f"{reader.path}: the soft runs that fit scored no sample with a local edit")
    return found


def make_calibration(reader: ResultReader, stored: StoredRun, bins: int, seed: int) -> Calibration | None:
    """The calibration of a run, None where it scored no sample with a local edit."""
    sums = [binned(table, bins) for table in reader.tables(stored.run_id)]
    if not sums:
        return None
    samples = np.concatenate(sums)
    total = samples.sum(axis=0)[np.newaxis]
    drawn = np.concatenate([weights @ samples for weights in resampling_weights(len(samples), RESAMPLES, seed)])
    low, high = spread(observed_share(drawn))
    error_low, error_high = spread(expected_error(drawn)[:, np.newaxis])
    unedited, edited, _ = parts(total)
    return Calibration(
        FAMILY_TITLE if FAMILY.fullmatch(stored.run.adapter) else stored.run.adapter_title,
        stored.run.dataset_title,
        stored,
        len(samples),
        np.stack([unedited[0], edited[0]]).astype(np.int64),
        mean_score(total)[0],
        observed_share(total)[0],
        low,
        high,
        float(expected_error(total)[0]),
        (float(error_low[0]), float(error_high[0])),
    )


def binned(table: CountTable, bins: int) -> Values:
    """Unedited pixels, edited pixels and the sum of scores by bin, side by side: n x 3 m, float64."""
    unedited, edited = table.histogram[:, 0], table.histogram[:, 1]
    columns = (unedited, edited, (unedited + edited) * CENTRES)
    return np.concatenate([column.reshape(len(table), bins, -1).sum(axis=2) for column in columns], axis=1)


def parts(sums: Values) -> tuple[Values, Values, Values]:
    """Unedited pixels, edited pixels and sums of scores, each r x m, from r x 3 m."""
    bins = sums.shape[1] // 3
    return sums[:, :bins], sums[:, bins : 2 * bins], sums[:, 2 * bins :]


def divided(numerator: Values, denominator: Values) -> Values:
    """The quotient, NaN where the denominator is zero."""
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def observed_share(sums: Values) -> Values:
    """Edited share of each bin's pixels: r x m, NaN where a bin is empty."""
    unedited, edited, _ = parts(sums)
    return divided(edited, unedited + edited)


def mean_score(sums: Values) -> Values:
    """Mean score of each bin's pixels: r x m, NaN where a bin is empty."""
    unedited, edited, scores = parts(sums)
    return divided(scores, unedited + edited)


def expected_error(sums: Values) -> Values:
    """Expected calibration error: the mean over pixels of |edited share - mean score| of the pixel's bin: r values.

    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015: for
    bins b with n_b of N pixels, ECE = sum over b of n_b / N * |o_b - e_b|, o_b the observed share of positives, e_b
    the mean predicted probability. Empty bins add nothing.
    """
    unedited, edited, scores = parts(sums)
    errors: Values = np.abs(edited - scores).sum(axis=1) / (unedited + edited).sum(axis=1)
    return errors


def spread(drawn: Values) -> tuple[Values, Values]:
    """The 2.5 % and 97.5 % quantiles of each column over the resamples that have a value, NaN where none has."""
    known = np.isfinite(drawn).any(axis=0)
    low, high = np.nanquantile(np.where(known, drawn, 0.0), [0.025, 0.975], axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)
