"""Comparing two runs sample by sample: the paired difference of their metrics, and where they differ most."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imlbench.errors import UserError, one_line
from imlbench.metrics import Conventions, metric
from imlbench.statistics import Summary, column_means, summarise_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.metrics import Values
    from imlbench.results.reading import ResultReader, SampleValues, StoredRun

ORDERED_BY = "f1"
"""The metric that says how much a sample changed."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A sample on which two runs differ.

    Attributes:
        sample_id: the sample.
        a: its F1 in the first run.
        b: its F1 in the second run.
    """

    sample_id: str
    a: float
    b: float


class Tally(NamedTuple):
    """On how many samples the second run is better, equal or worse.

    Attributes:
        wins: samples whose value is higher in b.
        ties: samples whose values are the same float64.
        losses: samples whose value is lower in b.
    """

    wins: int
    ties: int
    losses: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs over the samples that both have scored.

    Attributes:
        a: the first run.
        b: the second run.
        n: samples scored in both, of the same id and the same content.
        only_a: samples scored in a that are not among these n.
        only_b: samples scored in b that are not among these n.
        other_content: ids scored in both whose content differs; counted in `only_a` and in `only_b` too.
        means: mean of a and of b by metric, each over the shared samples for which both have a value.
        differences: mean of b - a by metric, with the paired bootstrap's 95 % interval, as fractions.
        tallies: wins, ties and losses of b by metric.
        changed: the samples whose F1 changed, largest |b - a| first, ties by id.
    """

    a: StoredRun
    b: StoredRun
    n: int
    only_a: int
    only_b: int
    other_content: int
    means: Mapping[str, tuple[float, float]]
    differences: Mapping[str, Summary]
    tallies: Mapping[str, Tally]
    changed: tuple[Changed, ...]


def compare_runs(
    reader: ResultReader,
    a: StoredRun,
    b: StoredRun,
    metrics: Sequence[str] = ("f1", "iou"),
    conventions: Conventions | None = None,
    seed: int = 0,
    changed: int = 10,
    other: ResultReader | None = None,
) -> Comparison:
    """Compare two runs on one dataset over the samples that both have scored; local edits only.

    In memory at once: ids, contents and values of both runs, never their histograms.

    Args:
        reader: the results that hold a.
        a: what is compared with.
        b: what is compared; a positive difference means that b is better.
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the default ones. The average must be "image", since samples are paired.
        seed: of the bootstrap.
        changed: number of samples named in `Comparison.changed`.
        other: the results that hold b, None = `reader`.

    Raises:
        UserError: the runs are of different datasets or metric versions, or share no sample; unknown metric; or
            the conventions ask for pooled pixels.
    """
    chosen = conventions or Conventions()
    check_comparable(a, b, metrics, chosen)
    names = list(dict.fromkeys((ORDERED_BY, *metrics)))
    first = reader.sample_values(a.run_id, names, chosen)
    second = (other or reader).sample_values(b.run_id, names, chosen)
    rows, other_content = shared_rows(first, second)
    if not len(rows):
        found = f"{len(first.ids)} scored in {label(a)}, {len(second.ids)} in {label(b)}"
        raise UserError(f"no sample that both have scored with the same content: {found}; score the same samples")
    before, after = first.values[rows[:, 0]], second.values[rows[:, 1]]
    ids = [first.ids[row] for row in rows[:, 0]]
    wanted = [names.index(name) for name in metrics]
    return Comparison(
        a=a,
        b=b,
        n=len(rows),
        only_a=len(first.ids) - len(rows),
        only_b=len(second.ids) - len(rows),
        other_content=other_content,
        means=dict(zip(metrics, paired_means(before[:, wanted], after[:, wanted]), strict=True)),
        differences=dict(zip(metrics, summarise_values((after - before)[:, wanted], seed), strict=True)),
        tallies={name: tally(after[:, names.index(name)] - before[:, names.index(name)]) for name in metrics},
        changed=most_changed(ids, before[:, 0], after[:, 0], changed),
    )


def check_comparable(a: StoredRun, b: StoredRun, metrics: Sequence[str], conventions: Conventions) -> None:
    """Refuse what cannot be compared.

    Raises:
        UserError: see `compare_runs`.
    """
    for name in metrics:
        metric(name)
    if conventions.average != "image":
        raise UserError("average=pixel pools the samples, which a comparison pairs: compare with average=image")
    if a.run.dataset != b.run.dataset:
        found = f"{label(a)} is on {one_line(a.run.dataset)}, {label(b)} on {one_line(b.run.dataset)}"
        raise UserError(f"expected two runs on one dataset: {found}")
    versions = [metric_version(one.run.identity) for one in (a, b)]
    if versions[0] != versions[1]:
        found = f"{label(a)} has {versions[0]}, {label(b)} has {versions[1]}"
        raise UserError(f"expected runs of one metric version: {found}; compute the older one anew")


def metric_version(identity: str) -> str | None:
    """The metric version in a run's identity, None where it holds none."""
    try:
        said: Any = json.loads(identity)
    except (ValueError, RecursionError):
        return None
    version = said.get("metric_version") if isinstance(said, dict) else None
    return None if version is None else one_line(version, 80)


def label(stored: StoredRun) -> str:
    """A run in messages and tables: "pixdiff-20@jpeg:70 [0123456789ab]"."""
    return f"{condition_label(stored)} [{stored.run_id[:12]}]"


def condition_label(stored: StoredRun) -> str:
    """Adapter and condition: "pixdiff-20", or "pixdiff-20@jpeg:70", "pixdiff-20@jpeg:70:both"."""
    run = stored.run
    if not run.perturbation:
        return one_line(run.adapter, 120)
    severity = "" if run.severity is None else f":{run.severity:g}"
    target = "" if run.target == "edited" else f":{run.target}"
    return one_line(f"{run.adapter}@{run.perturbation}{severity}{target}", 160)


def shared_rows(first: SampleValues, second: SampleValues) -> tuple[NDArray[np.int64], int]:
    """Rows of the samples of the same id and content: k x 2, in the order of `first`; and ids of other content."""
    positions = {sample_id: row for row, sample_id in enumerate(second.ids)}
    met = [(row, positions[sample_id]) for row, sample_id in enumerate(first.ids) if sample_id in positions]
    shared = [(row, other) for row, other in met if first.contents[row] == second.contents[other]]
    return np.array(shared, dtype=np.int64).reshape(-1, 2), len(met) - len(shared)


def paired_means(before: Values, after: Values) -> list[tuple[float, float]]:
    """Means of each column over the rows for which both sides have a value."""
    known = np.isfinite(before) & np.isfinite(after)
    means = (column_means(np.where(known, values, np.nan))[0].tolist() for values in (before, after))
    return list(zip(*means, strict=True))


def tally(differences: Values) -> Tally:
    """Signs of the differences that exist."""
    return Tally(*(int(np.count_nonzero(sign)) for sign in (differences > 0, differences == 0, differences < 0)))


def most_changed(ids: Sequence[str], before: Values, after: Values, limit: int) -> tuple[Changed, ...]:
    """The samples with the largest |after - before|; those that did not change, or have no value, are left out."""
    sizes = np.nan_to_num(np.abs(after - before))
    order = sorted(np.flatnonzero(sizes > 0).tolist(), key=lambda row: (-sizes[row], ids[row]))
    return tuple(Changed(ids[row], float(before[row]), float(after[row])) for row in order[: max(0, limit)])
