"""F1 against the threshold, from stored histograms, with memory that does not grow with the number of samples."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imlbench.errors import UserError
from imlbench.histograms import BINS
from imlbench.metrics import f1_curve
from imlbench.registry import natural_key
from reports.paper_numbers import annotator_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.metrics import Empty
    from imlbench.results.reading import ResultReader, StoredRun

FAMILY = re.compile(r"pixdiff-(\d+)")
FAMILY_TITLE = "PixDiff-Fixed"
PAPER_THRESHOLDS = (0, 10, 20, 30, 40)
"""Levels at which the paper has numbers of PixDiff."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Mean F1 of one dataset at every threshold.

    Attributes:
        annotator: title; the fixed rows of PixDiff share one score map, and so one curve.
        dataset: title.
        run_id: the run whose histograms were read.
        mean: 256 values in [0, 1]; entry t for "score bin >= t"; NaN where no sample has a value.
        stderr: 256 standard errors of the mean over samples; NaN below two samples.
        samples: number of samples read.
        composited: whether every pair is identical outside the mask.
        paper: published F1 in [0, 1] by threshold.
    """

    annotator: str
    dataset: str
    run_id: str
    mean: NDArray[np.float64]
    stderr: NDArray[np.float64]
    samples: int
    composited: bool
    paper: dict[int, float]

    @property
    def oracle(self) -> int:
        """The threshold with the highest mean, which only the truth tells."""
        return int(np.nanargmax(self.mean))


def make_curves(reader: ResultReader, runs: Iterable[StoredRun], patterns: Sequence[str], empty: Empty) -> list[Curve]:
    """One curve per annotator and dataset.

    Args:
        reader: the results.
        runs: clean runs of annotators.
        patterns: registered names or globs; none = the fixed rows of PixDiff.
        empty: the convention for samples where nothing is edited and nothing is marked.

    Raises:
        UserError: no run fits, or none of those that fit scored a sample.
    """
    fitting = matching(list(runs), patterns)
    soft = [stored for stored in fitting if stored.run.soft]
    if not soft:
        hard = ", ".join(sorted({stored.run.adapter for stored in fitting}, key=natural_key))
        raise UserError(f"{hard}: hard decisions without scores, so there is no threshold to sweep")
    curves = [curve for stored in best_runs(soft) if (curve := make_curve(reader, stored, empty)) is not None]
    if not curves:
        raise UserError(f"{reader.path}: the runs that fit scored no sample with a local edit")
    return curves


def matching(runs: Sequence[StoredRun], patterns: Sequence[str]) -> list[StoredRun]:
    """The runs of the annotators asked for.

    Raises:
        UserError: there is none.
    """
    if patterns:
        wanted, example = ", ".join(patterns), patterns[0]
        found = [stored for stored in runs if any(fnmatch.fnmatchcase(stored.run.adapter, glob) for glob in patterns)]
    else:
        wanted, example = "pixdiff-0 or another fixed threshold of PixDiff", "pixdiff-0"
        found = [stored for stored in runs if FAMILY.fullmatch(stored.run.adapter)]
    if not found:
        known = ", ".join(sorted({stored.run.adapter for stored in runs}, key=natural_key))
        hint = f"run `imlbench annotate-eval --annotator '{example}'` first"
        raise UserError(f"no run of {wanted}; the results hold {known}: {hint}")
    return found


def best_runs(runs: Iterable[StoredRun]) -> Iterator[StoredRun]:
    """For each annotator and dataset the run with most samples, the newest of equals; by annotator, then dataset."""
    best: dict[tuple[str, str], StoredRun] = {}
    for stored in runs:
        key = curve_name(stored), stored.run.dataset
        if key not in best or rank(stored) > rank(best[key]):
            best[key] = stored
    yield from sorted(best.values(), key=place)


def place(stored: StoredRun) -> tuple[list[tuple[int, int, str]], int, list[tuple[int, int, str]]]:
    """Sort key: annotator, then the published datasets in their order, then the others."""
    published = annotator_table().columns
    name = stored.run.paper_dataset
    index = published.index(name) if name in published else len(published)
    return natural_key(curve_name(stored)), index, natural_key(stored.run.dataset)


def rank(stored: StoredRun) -> tuple[int, int]:
    """More samples first, then newer."""
    return stored.scopes.get("local", 0), stored.recorded


def curve_name(stored: StoredRun) -> str:
    """The annotator's registered name; one name for the fixed rows of PixDiff."""
    return "pixdiff" if FAMILY.fullmatch(stored.run.adapter) else stored.run.adapter


def make_curve(reader: ResultReader, stored: StoredRun, empty: Empty) -> Curve | None:
    """The curve of a run, None where it scored no sample with a local edit."""
    total, squares, counts = np.zeros(BINS), np.zeros(BINS), np.zeros(BINS)
    samples = 0
    for table in reader.tables(stored.run_id):
        values = f1_curve(table, empty)[:, :BINS]
        present = np.isfinite(values)
        filled = np.where(present, values, 0.0)
        total += filled.sum(axis=0)
        squares += (filled**2).sum(axis=0)
        counts += present.sum(axis=0)
        samples += len(values)
    if not counts.any():
        return None
    mean = np.divide(total, counts, out=np.full(BINS, np.nan), where=counts > 0)
    # Rounding can carry the sum of squared deviations just below zero.
    deviations = np.maximum(squares - counts * np.nan_to_num(mean) ** 2, 0.0)
    variance = np.divide(deviations, counts - 1, out=np.full(BINS, np.nan), where=counts > 1)
    stderr = np.sqrt(np.divide(variance, counts, out=np.full(BINS, np.nan), where=counts > 0))
    run = stored.run
    in_family = FAMILY.fullmatch(run.adapter) is not None
    return Curve(
        FAMILY_TITLE if in_family else run.adapter_title,
        run.dataset_title,
        stored.run_id,
        mean,
        stderr,
        samples,
        reader.composited(stored.run_id).whole,
        paper_values(run.paper_dataset) if in_family else {},
    )


def paper_values(dataset: str) -> dict[int, float]:
    """The paper's F1 of PixDiff by threshold, as fractions."""
    table = annotator_table()
    found = {level: table.number(f"{FAMILY_TITLE}({level})", dataset, "f1") for level in PAPER_THRESHOLDS}
    return {level: value / 100 for level, value in found.items() if value is not None}
