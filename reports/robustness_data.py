"""Robustness in numbers: value at each severity, drop from clean, area under the curve, all paired by sample.

Every number of a curve is a mean over the same samples: those that were scored, with the same content, in each of its
conditions. Drops, their mean and the area are computed per sample and then averaged, so that their errors and
bootstrap intervals are those of paired differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imlbench.errors import UserError
from imlbench.metrics import Conventions, metric
from imlbench.statistics import RESAMPLES, Summary, summarise_groups
from reports.robustness_runs import Axis, Filters, Sweep, find_sweeps, registered, strength

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.metrics import Values
    from imlbench.results.reading import ResultReader, SampleValues


@dataclass(frozen=True, slots=True)
class Estimates:
    """One metric along a curve, as fractions.

    Attributes:
        clean: on unperturbed images; None without a clean run, as all below but `values`.
        values: one per severity.
        drops: value minus clean value, one per severity; negative = worse.
        mean_drop: mean of the drops.
        area: see `area_weights`.
    """

    clean: Summary | None
    values: tuple[Summary, ...]
    drops: tuple[Summary, ...] | None
    mean_drop: Summary | None
    area: Summary | None


@dataclass(frozen=True, slots=True)
class Series:
    """The curve of one annotator.

    Attributes:
        sweep: the runs.
        estimates: by metric.
        ids: the samples that all runs have scored.
        scored: the largest number of samples that one of the runs has scored.
    """

    sweep: Sweep
    estimates: Mapping[str, Estimates]
    ids: tuple[str, ...]
    scored: int

    @property
    def severities(self) -> tuple[float, ...]:
        """From mild to strong."""
        return tuple(severity for severity, _ in self.sweep.steps)


@dataclass(frozen=True, slots=True)
class Curves:
    """All annotators on a dataset under a perturbation.

    Attributes:
        axis: dataset, perturbation and target by registered name.
        dataset: title.
        perturbation: title, the registered name where it is not installed.
        definition: what the severity means, empty where the perturbation is not installed.
        severities: of any annotator, from mild to strong.
        series: one per annotator.
    """

    axis: Axis
    dataset: str
    perturbation: str
    definition: str
    severities: tuple[float, ...]
    series: tuple[Series, ...]

    def complete(self, one: Series) -> bool:
        """Whether an annotator has every severity, so that its mean drop and area compare with the others'."""
        return one.severities == self.severities


def make_curves(
    reader: ResultReader,
    metrics: Sequence[str],
    conventions: Conventions | None = None,
    filters: Filters | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    kind: str = "annotator",
) -> list[Curves]:
    """The curves of every dataset and perturbation in the results.

    Args:
        reader: the results.
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the default ones.
        filters: None = all runs.
        seed: of the bootstrap.
        resamples: of the bootstrap; 0 = no intervals.
        kind: of the runs: annotator or detector.

    Raises:
        UserError: unknown metric, pooled counts, or no fitting run on perturbed images.
    """
    chosen = conventions or Conventions()
    if chosen.average == "pixel":
        raise UserError("average=pixel: drops are paired by sample, which pooled counts are not; use average=image")
    names = tuple(dict.fromkeys(metric(name).name for name in metrics))
    reading = Reading(reader, names, chosen)
    return [
        curves_of(axis, measure(sweeps, reading, seed, resamples))
        for axis, sweeps in find_sweeps(reader, filters or Filters(), kind).items()
    ]


def curves_of(axis: Axis, series: Sequence[Series]) -> Curves:
    """The curves of one axis with their titles."""
    found = registered(axis.perturbation)
    severities = {severity for one in series for severity in one.severities}
    return Curves(
        axis,
        series[0].sweep.dataset,
        found.card.title if found else axis.perturbation,
        found.card.summary if found else "",
        tuple(sorted(severities, key=strength(axis.perturbation))),
        tuple(series),
    )


class Reading:
    """Reads samples' values; a clean run, which starts several curves, once.

    Args:
        reader: the results.
        metrics: names.
        conventions: of the metrics.
    """

    def __init__(self, reader: ResultReader, metrics: Sequence[str], conventions: Conventions) -> None:
        self.metrics = metrics
        self._reader = reader
        self._conventions = conventions
        self._clean: dict[str, SampleValues] = {}

    def of(self, sweep: Sweep) -> list[SampleValues]:
        """The values of each run of a sweep, the clean one first."""
        values = [self._reader.sample_values(run.run_id, self.metrics, self._conventions) for _, run in sweep.steps]
        return values if sweep.clean is None else [self.clean(sweep.clean.run_id), *values]

    def clean(self, run_id: str) -> SampleValues:
        """The values of a clean run."""
        if run_id not in self._clean:
            self._clean[run_id] = self._reader.sample_values(run_id, self.metrics, self._conventions)
        return self._clean[run_id]


def measure(sweeps: Sequence[Sweep], reading: Reading, seed: int, resamples: int) -> list[Series]:
    """The series of one axis; all of them share the resamples where they have equally many samples."""
    paired = [pair(reading.of(sweep)) for sweep in sweeps]
    groups = {
        str(index): np.concatenate([columns(values[:, :, one], sweep) for one in range(len(reading.metrics))], axis=1)
        for index, (sweep, (_, values)) in enumerate(zip(sweeps, paired, strict=True))
    }
    summaries = summarise_groups(groups, seed, resamples)
    series = []
    for index, (sweep, (ids, _)) in enumerate(zip(sweeps, paired, strict=True)):
        flat = summaries[str(index)]
        width = len(flat) // len(reading.metrics)
        estimates = {
            name: estimates_of(flat[place * width : (place + 1) * width], sweep)
            for place, name in enumerate(reading.metrics)
        }
        series.append(Series(sweep, estimates, tuple(ids), max(run.scopes["local"] for run in sweep.runs)))
    return series


def pair(runs: Sequence[SampleValues]) -> tuple[list[str], Values]:
    """Ids of the samples that all runs scored with the same content, and their values: n x runs x metrics."""
    rows = [{key: row for row, key in enumerate(zip(run.ids, run.contents, strict=True))} for run in runs]
    shared = [key for key in rows[0] if all(key in others for others in rows[1:])]
    blocks = [
        run.values[np.array([where[key] for key in shared], dtype=np.intp)]
        for run, where in zip(runs, rows, strict=True)
    ]
    return [sample_id for sample_id, _ in shared], np.stack(blocks, axis=1)


def columns(values: Values, sweep: Sweep) -> Values:
    """Everything that is averaged of one metric: the values, then drops, mean drop and area where there is a clean run.

    Args:
        values: n x runs. A sample without a value in one condition has none in any, so that all means pair.
        sweep: the runs.
    """
    whole = np.where(np.isfinite(values).all(axis=1, keepdims=True), values, np.nan)
    if sweep.clean is None:
        return whole
    drops = whole[:, 1:] - whole[:, :1]
    area = whole @ area_weights(whole.shape[1])
    return np.concatenate([whole, drops, drops.mean(axis=1, keepdims=True), area[:, np.newaxis]], axis=1)


def area_weights(points: int) -> NDArray[np.float64]:
    """Weights of a curve's points, clean first, in the area under it; they sum to 1.

    Trapezoid rule over the severities by rank: clean is step 0, each severity one step further, whatever its number,
    and the width is one. The area is thus the curve's mean height, in the metric's own unit: 1 = perfect throughout.
    """
    weights = np.ones(points)
    weights[[0, -1]] = 0.5
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def estimates_of(flat: Sequence[Summary], sweep: Sweep) -> Estimates:
    """The summaries of `columns` by their meaning."""
    steps = len(sweep.steps)
    if sweep.clean is None:
        return Estimates(None, tuple(flat), None, None, None)
    return Estimates(flat[0], tuple(flat[1 : steps + 1]), tuple(flat[steps + 1 : 2 * steps + 1]), flat[-2], flat[-1])
