"""Which stored runs make a robustness curve: one annotator on one dataset, clean and at every severity."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from imlbench import registry
from imlbench.errors import UserError, one_line
from imlbench.registry import natural_key
from reports.grid import lines
from reports.paper_numbers import annotator_table

if TYPE_CHECKING:
    from imlbench.perturb import Perturbation
    from imlbench.results.reading import ResultReader, StoredRun

SETTINGS = ("adapter_version", "weights", "threshold", "dataset_version", "metric_version", "protocol_version")
"""What the runs of a curve have in common; the condition and its seed differ."""
PROTOCOL = ("jpeg", "noise", "blur")


class Axis(NamedTuple):
    """What befalls a dataset: registered names, and the images that are perturbed (edited, or both)."""

    dataset: str
    perturbation: str
    target: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """Runs of one annotator under the conditions of an axis, all of one version.

    Attributes:
        dataset: label; two datasets of one title are told apart by their registered names.
        annotator: label, likewise.
        clean: the newest run on unperturbed images; None where none of this version scored a sample.
        steps: severity and its newest run, from mild to strong; runs that scored nothing are not among them.
        passed_over: number of other runs of the same conditions: older versions, other seeds.
        unscored: severities whose newest run scored no sample with a local edit.
    """

    dataset: str
    annotator: str
    clean: StoredRun | None
    steps: tuple[tuple[float, StoredRun], ...]
    passed_over: int = 0
    unscored: tuple[float, ...] = ()

    @property
    def runs(self) -> tuple[StoredRun, ...]:
        """All runs, the clean one first."""
        return (*([self.clean] if self.clean else []), *(run for _, run in self.steps))


@dataclass(frozen=True, slots=True)
class Filters:
    """Globs over registered names; an empty field takes all."""

    datasets: Sequence[str] = ()
    annotators: Sequence[str] = ()
    perturbations: Sequence[str] = ()

    def take(self, stored: StoredRun) -> bool:
        """Whether a run on perturbed images was asked for."""
        run = stored.run
        pairs = ((run.dataset, self.datasets), (run.adapter, self.annotators), (run.perturbation, self.perturbations))
        return all(not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs) for name, globs in pairs)

    def __str__(self) -> str:
        return ", ".join(one_line(glob, 60) for glob in (*self.perturbations, *self.annotators, *self.datasets))


def perturbed_runs(reader: ResultReader) -> list[StoredRun]:
    """Runs on perturbed images, of annotators and detectors."""
    return [stored for stored in reader.runs() if stored.run.perturbation]


def find_sweeps(reader: ResultReader, filters: Filters, kind: str = "annotator") -> dict[Axis, list[Sweep]]:
    """The sweeps of each axis: datasets and annotators in the paper's order, then all others in natural order.

    Args:
        reader: the results.
        filters: which runs.
        kind: of the runs: annotator or detector.

    Raises:
        UserError: no run on perturbed images, or none that fits.
    """
    runs = sorted(reader.runs(kind), key=lambda stored: stored.recorded)
    perturbed = [stored for stored in runs if stored.run.perturbation]
    if not perturbed:
        raise UserError(f"{reader.path}: no runs on perturbed images: `imlbench robustness --out DIR` makes some")
    fitting = [stored for stored in perturbed if filters.take(stored)]
    if not fitting:
        raise UserError(f"no runs of {filters}; the results hold {held(perturbed)}")
    paper = annotator_table()
    labels = ordered({r.run.adapter: (r.run.adapter_title, r.run.adapter_title) for r in runs}, paper.rows)
    datasets = ordered({r.run.dataset: (r.run.dataset_title, r.run.paper_dataset) for r in runs}, paper.columns)
    groups: dict[tuple[Axis, str], list[StoredRun]] = {}
    for stored in fitting:
        axis = Axis(stored.run.dataset, stored.run.perturbation, stored.run.target)
        groups.setdefault((axis, stored.run.adapter), []).append(stored)
    sweeps: dict[Axis, list[Sweep]] = {}
    rows, columns = list(labels), list(datasets)

    def place(key: tuple[Axis, str]) -> tuple[object, ...]:
        axis, adapter = key
        return columns.index(axis.dataset), condition_key(axis.perturbation, axis.target), rows.index(adapter)

    for axis, adapter in sorted(groups, key=place):
        names = datasets[axis.dataset], labels[adapter]
        sweep = make_sweep(names, groups[axis, adapter], clean_of(runs, axis.dataset, adapter))
        if sweep.steps:
            sweeps.setdefault(axis, []).append(sweep)
    if not sweeps:
        raise UserError(f"{reader.path}: the runs on perturbed images scored no sample with a local edit")
    return sweeps


def ordered(entries: dict[str, tuple[str, str]], published: Sequence[str]) -> dict[str, str]:
    """Registered names with their labels, those of the published table first."""
    return {line.key[1]: line.label for line in lines(entries, published) if line.key[0] == "own"}


def condition_key(perturbation: str, target: str) -> tuple[int, list[tuple[int, int, str]], bool, str]:
    """Sort key: the protocol's perturbations stand in its order, others after them; edited before both."""
    place = PROTOCOL.index(perturbation) if perturbation in PROTOCOL else len(PROTOCOL)
    return place, natural_key(perturbation), target != "edited", target


def held(runs: Iterable[StoredRun]) -> str:
    """What there is to choose from."""
    fields = zip(*((r.run.perturbation, r.run.adapter, r.run.dataset) for r in runs), strict=True)
    kinds = ("perturbations", "annotators", "datasets")
    texts = (", ".join(sorted({one_line(name, 40) for name in names}, key=natural_key)) for names in fields)
    return "; ".join(f"{kind} {text}" for kind, text in zip(kinds, texts, strict=True))


def clean_of(runs: Iterable[StoredRun], dataset: str, adapter: str) -> Iterator[StoredRun]:
    """Clean runs of an annotator on a dataset."""
    for stored in runs:
        if (stored.run.dataset, stored.run.adapter, stored.run.perturbation) == (dataset, adapter, ""):
            yield stored


def make_sweep(labels: tuple[str, str], perturbed: Sequence[StoredRun], clean: Iterable[StoredRun]) -> Sweep:
    """The newest version's newest run at each severity.

    Args:
        labels: of the dataset and the annotator.
        perturbed: the runs of one axis, oldest first.
        clean: clean runs of the same annotator and dataset, oldest first.
    """
    version = settings(perturbed[-1])
    newest = {stored.run.severity or 0.0: stored for stored in perturbed if settings(stored) == version}
    untouched = [stored for stored in clean if settings(stored) == version and stored.scopes.get("local")]
    severities = sorted(newest, key=strength(perturbed[-1].run.perturbation))
    steps = tuple((severity, newest[severity]) for severity in severities if newest[severity].scopes.get("local"))
    unscored = tuple(severity for severity in severities if not newest[severity].scopes.get("local"))
    passed_over = len(perturbed) - len(newest)
    return Sweep(*labels, untouched[-1] if untouched else None, steps, passed_over, unscored)


def settings(stored: StoredRun) -> str:
    """All that decides a run's numbers apart from its condition, as text."""
    identity = json.loads(stored.run.identity)
    return json.dumps([identity.get(name) for name in SETTINGS], sort_keys=True)


def strength(name: str) -> Callable[[float], tuple[int, float]]:
    """A sort key for severities, from mild to strong.

    The registered perturbation's default severities say which way strength runs; where they run both ways, they come
    first, in their order. Severities of a perturbation that is not installed are sorted by number.
    """
    found = registered(name)
    usual = list(found.severities) if found else []
    if usual == sorted(usual):
        return lambda severity: (0, severity)
    if usual == sorted(usual, reverse=True):
        return lambda severity: (0, -severity)
    return lambda severity: (usual.index(severity) if severity in usual else len(usual), severity)


def registered(name: str) -> type[Perturbation] | None:
    """The installed perturbation of that name; None where there is none or it is broken: a report needs none."""
    from imlbench.perturb import Perturbation

    if name not in registry.names("perturbations"):
        return None
    try:
        found = registry.resolve("perturbations", name).load()
    except UserError:
        return None
    return found if isinstance(found, type) and issubclass(found, Perturbation) else None


def severity_text(severity: float) -> str:
    """A severity as short as it can be told."""
    short = f"{severity:g}"
    return short if float(short) == severity else repr(severity)
