"""From a study's folder to the numbers of its reports: per supervision, dataset and seed, and per image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imlbench.errors import UserError
from imlbench.results.reading import ResultReader
from imlbench.study.cells import RESULTS, Cell, Stage, read_cells
from imlbench.study.order import read_fixed
from reports.study_statistics import Spread, over_seeds, sign_flip

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import StoredRun
    from reports.study_statistics import Values


class Arm(NamedTuple):
    """A detector and what it was trained on.

    Attributes:
        detector: registered name.
        annotator: whose masks.
        pairs: how many were asked for, 0 = all.
    """

    detector: str
    annotator: str
    pairs: int

    @property
    def label(self) -> str:
        """The supervision in words."""
        return f"{self.annotator}, {self.pairs} pairs" if self.pairs else self.annotator


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was measured of one metric, stage, arm and dataset.

    Attributes:
        ids: the images that every seed scored.
        values: seeds x images, fractions; NaN = without a value.
        seeds: numbers of the seeds.
    """

    ids: tuple[str, ...]
    values: Values
    seeds: tuple[int, ...]

    def means(self) -> list[float]:
        """One value a seed: the mean over the images."""
        return [float(np.nanmean(row)) for row in self.values] if self.values.size else []


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Everything that a study's reports say.

    Attributes:
        fixed: the options that hold for all of it.
        arms: detectors and supervisions, in the order of their names.
        datasets: labels.
        titles: of detectors and datasets, for people, by name.
        columns: the published tables' columns of datasets, by label; empty where they have none.
        images: edited training images by arm.
        measured: by metric, stage, arm and dataset.
        everything: what marking every pixel would score, fractions by metric and dataset.
    """

    fixed: Mapping[str, object]
    arms: tuple[Arm, ...]
    datasets: tuple[str, ...]
    titles: Mapping[str, str]
    columns: Mapping[str, str]
    images: Mapping[Arm, int]
    measured: Mapping[tuple[str, Stage, Arm, str], Measured]
    everything: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def score(self, metric: str, stage: Stage, arm: Arm, dataset: str) -> Spread:
        """A metric's mean over images and seeds; weights that are the same for every seed count once."""
        found = self.measured.get((metric, stage, arm, dataset))
        if found is None:
            return over_seeds([])
        means = found.means()
        return over_seeds(means[:1] if stage == "before" and len(set(means)) == 1 else means)

    def gain(self, metric: str, arm: Arm, dataset: str) -> tuple[Spread, float]:
        """After minus before, over the seeds, and the p of a paired test over the images."""
        first = self.measured.get((metric, "before", arm, dataset))
        return difference(self.measured.get((metric, "after", arm, dataset)), first)

    def advantage(self, metric: str, one: Arm, other: Arm, dataset: str) -> tuple[Spread, float]:
        """One supervision minus another, after training, over the seeds, and the p of a paired test over the images."""
        second = self.measured.get((metric, "after", other, dataset))
        return difference(self.measured.get((metric, "after", one, dataset)), second)


def difference(first: Measured | None, second: Measured | None) -> tuple[Spread, float]:
    """First minus second, seed by seed and image by image, of what both have."""
    if first is None or second is None:
        return over_seeds([]), float("nan")
    seeds = [seed for seed in first.seeds if seed in second.seeds]
    ids = sorted(set(first.ids) & set(second.ids))
    if not seeds or not ids:
        return over_seeds([]), float("nan")
    between = picked(first, seeds, ids) - picked(second, seeds, ids)
    return over_seeds([float(np.nanmean(row)) for row in between]), sign_flip(between.mean(axis=0))


def picked(measured: Measured, seeds: Sequence[int], ids: Sequence[str]) -> Values:
    """Values of some seeds and images: seeds x images."""
    rows = [measured.seeds.index(seed) for seed in seeds]
    places = {name: place for place, name in enumerate(measured.ids)}
    found: Values = measured.values[np.ix_(rows, [places[name] for name in ids])]
    return found


def read_study(folder: Path, metrics: Sequence[str], conventions: Conventions | None = None) -> Study:
    """Read a study's cells and the results behind them.

    Args:
        folder: of `imlbench study`.
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the published tables'.

    Raises:
        UserError: it is no study, nothing was evaluated yet, or the results are gone.
    """
    fixed, cells = read_fixed(folder), read_cells(folder)
    if not cells:
        raise UserError(f"{folder}: nothing was evaluated yet; run `imlbench study` with the same options to go on")
    with ResultReader(folder / RESULTS) as reader:
        runs = {stored.run_id: stored for stored in reader.runs("detector")}
        if missing := [cell.run_id for cell in cells if cell.run_id not in runs]:
            raise UserError(
                f"{folder / RESULTS}: lacks the run {missing[0]}; delete cells.json, and run the study again"
            )
        measured = {
            (metric, stage, arm, dataset): gathered(reader, group, metric, conventions)
            for (stage, arm, dataset), group in grouped(cells).items()
            for metric in metrics
        }
        # The images of a dataset are the same whoever is asked.
        asked = {cell.dataset: cell.run_id for cell in cells}
        everything = {
            (metric, dataset): value
            for dataset, run_id in asked.items()
            for metric, value in marking_everything(reader, run_id, metrics, conventions).items()
        }
    return Study(
        fixed=fixed,
        arms=tuple(sorted({arm_of(cell) for cell in cells})),
        datasets=tuple(dict.fromkeys(cell.dataset for cell in cells)),
        titles=titles_of(cells, runs),
        columns={cell.dataset: runs[cell.run_id].run.paper_dataset for cell in cells},
        images={arm_of(cell): cell.images for cell in cells},
        measured=measured,
        everything=everything,
    )


def marking_everything(
    reader: ResultReader, run_id: str, metrics: Sequence[str], conventions: Conventions | None
) -> dict[str, float]:
    """The mean of each metric over a run's images if every pixel were marked: the floor of a detector."""
    from imlbench.metrics import Conventions, sample_values

    tables = [table.marking_everything() for table in reader.tables(run_id)]
    chosen = conventions or Conventions()
    values = {name: [sample_values(table, name, chosen) for table in tables] for name in metrics}
    return {name: float(np.nanmean(np.concatenate(found))) for name, found in values.items() if found}


def arm_of(cell: Cell) -> Arm:
    """What a cell's detector was trained on."""
    return Arm(cell.detector, cell.annotator, cell.pairs)


def grouped(cells: Iterable[Cell]) -> dict[tuple[Stage, Arm, str], list[Cell]]:
    """Cells that differ in their seeds alone, by seed."""
    groups: dict[tuple[Stage, Arm, str], list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.seed):
        groups.setdefault((cell.stage, arm_of(cell), cell.dataset), []).append(cell)
    return groups


def gathered(reader: ResultReader, cells: Sequence[Cell], metric: str, conventions: Conventions | None) -> Measured:
    """One metric of several seeds, on the images that all of them scored."""
    tables = [reader.sample_values(cell.run_id, [metric], conventions) for cell in cells]
    shared = set.intersection(*(set(table.ids) for table in tables))
    ids = sorted(shared)
    rows = []
    for table in tables:
        places = {name: place for place, name in enumerate(table.ids)}
        rows.append(table.values[[places[name] for name in ids], 0])
    return Measured(tuple(ids), np.array(rows).reshape(len(rows), len(ids)), tuple(cell.seed for cell in cells))


def titles_of(cells: Iterable[Cell], runs: Mapping[str, StoredRun]) -> dict[str, str]:
    """Titles of detectors and datasets, by name."""
    found: dict[str, str] = {}
    for cell in cells:
        run = runs[cell.run_id].run
        found |= {cell.detector: run.adapter_title, cell.dataset: run.dataset_title}
    return found
