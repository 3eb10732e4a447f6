"""Values by the edited share of the image, in bins of as equal a number of samples as ties allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imlbench.errors import UserError
from imlbench.metrics import Conventions, metric
from imlbench.registry import natural_key
from reports.slicing import Group, rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.results.reading import ResultReader, StoredRun
    from imlbench.statistics import Summary

FEWEST = 5
"""Samples in a bin at least: a bootstrap over fewer says nothing."""


@dataclass(frozen=True, slots=True)
class AreaBin:
    """One bin of one annotator.

    Attributes:
        low: smallest edited share of its samples, in (0, 1].
        high: largest.
        centre: geometric mean of the edited shares.
        summary: of the metric.
    """

    low: float
    high: float
    centre: float
    summary: Summary


@dataclass(frozen=True, slots=True)
class AreaCurve:
    """One annotator on one dataset, from small areas to large ones."""

    run: StoredRun
    bins: tuple[AreaBin, ...]


@dataclass(frozen=True, slots=True)
class AreaPanel:
    """One dataset.

    Attributes:
        dataset: title.
        composited: whether every pair is identical outside the mask.
        samples: number of samples with a known edited share above zero.
        left_out: number of scored samples without.
        curves: one per annotator, in natural order.
    """

    dataset: str
    composited: bool
    samples: int
    left_out: int
    curves: tuple[AreaCurve, ...]


def make_panels(
    reader: ResultReader, runs: Sequence[StoredRun], name: str, bins: int, conventions: Conventions, seed: int
) -> list[AreaPanel]:
    """One panel per dataset.

    Args:
        reader: the results.
        runs: one per annotator and dataset.
        name: of the metric.
        bins: number of bins at most; fewer where they would hold less than five samples.
        conventions: of the metric.
        seed: of the bootstrap.

    Raises:
        UserError: unknown metric, or no run scored a sample with an edited area.
    """
    metric(name)
    labels = sorted({stored.run.dataset for stored in runs}, key=natural_key)
    found = [[stored for stored in runs if stored.run.dataset == label] for label in labels]
    panels = [panel for group in found if (panel := make_panel(reader, group, name, bins, conventions, seed))]
    if not panels:
        lacking = f"no sample with a local edit, an edited area and a value of {name}"
        raise UserError(f"{reader.path}: the runs that fit scored {lacking}")
    return panels


def make_panel(
    reader: ResultReader, runs: Sequence[StoredRun], name: str, bins: int, conventions: Conventions, seed: int
) -> AreaPanel | None:
    """The panel of a dataset, None where no sample has an edited area and a value."""
    areas: dict[str, float] = {}
    for stored in runs:
        areas.update(known_areas(reader, stored))
    known = np.array([area for area in areas.values() if area > 0])
    if not len(known):
        return None
    # All annotators share the edges, so that their curves stand on the same samples where they scored the same.
    edges = equal_edges(known, bins)
    found = [AreaCurve(stored, tuple(make_bins(reader, stored, edges, name, conventions, seed))) for stored in runs]
    curves = tuple(curve for curve in found if curve.bins)
    if not curves:
        return None
    composited = any(reader.composited(stored.run_id).whole for stored in runs)
    return AreaPanel(runs[0].run.dataset_title, composited, len(known), len(areas) - len(known), curves)


def known_areas(reader: ResultReader, stored: StoredRun) -> dict[str, float]:
    """Edited share of each scored sample of a run by id, 0 where unknown."""
    statement = (
        "SELECT counts.sample_id, edited_pixels, width, height FROM counts JOIN samples USING (sample_key) "
        "WHERE run_id = ? AND status = 'ok' AND scope = 'local'"
    )
    return {sample_id: share(*facts) for sample_id, *facts in reader.query(statement, stored.run_id)}


def share(edited: int | None, width: int | None, height: int | None) -> float:
    """Edited share of an image, 0 where unknown."""
    return (edited or 0) / (width * height) if width and height else 0.0


def equal_edges(areas: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Lower ends of the bins, ascending; the first is below all areas. Equal areas never fall into two bins."""
    count = max(1, min(bins, len(areas) // FEWEST))
    ordered = np.sort(areas)
    starts = [round(index * len(ordered) / count) for index in range(1, count)]
    return np.unique([0.0, *ordered[starts]])


def make_bins(
    reader: ResultReader,
    stored: StoredRun,
    edges: NDArray[np.float64],
    name: str,
    conventions: Conventions,
    seed: int,
) -> Iterator[AreaBin]:
    """The bins of a run that hold a sample with a value."""
    groups = [Group([name], conventions, seed) for _ in edges]
    areas: list[list[float]] = [[] for _ in edges]
    for chunk in reader.chunks(stored.run_id):
        shares = np.array([share(fact["edited_pixels"], fact["width"], fact["height"]) for fact in chunk.facts])
        places = np.where(shares > 0, np.searchsorted(edges, shares, side="right") - 1, -1)
        for index in set(places.tolist()) - {-1}:
            rows = np.flatnonzero(places == index)
            groups[index].add(rows_of(chunk.table, rows))
            areas[index].extend(shares[rows].tolist())
    for group, found in zip(groups, areas, strict=True):
        if found:
            summary = group.summaries()[0]
            if np.isfinite(summary.mean):
                yield AreaBin(min(found), max(found), float(np.exp(np.mean(np.log(found)))), summary)


def annotators(panels: Iterable[AreaPanel]) -> list[str]:
    """Registered names of the annotators in all panels, in natural order."""
    return sorted({curve.run.run.adapter for panel in panels for curve in panel.curves}, key=natural_key)
