"""Cells: our number, its uncertainty, the published number and the difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.markup import NOTHING
from reports.paper_numbers import AVERAGE

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader, StoredRun
    from imlbench.statistics import Summary
    from reports.grid import Grid, Line
    from reports.markup import Parts
    from reports.paper_numbers import PaperTable

Cells = Mapping[tuple["Line", "Line", str], "Cell"]
"""By row, column and metric."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a table.

    Attributes:
        paper: the published number in per cent, None where there is none.
        run: the run that was summarised; None where there is none, and for averages.
        summary: our number, as fractions; None where nothing was scored.
    """

    paper: float | None = None
    run: StoredRun | None = None
    summary: Summary | None = None

    @property
    def ours(self) -> float | None:
        """Our number in per cent."""
        return None if self.summary is None else percent(self.summary.mean)

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, in percentage points."""
        return None if self.ours is None or self.paper is None else self.ours - self.paper

    def numbers(self) -> list[float | int | None]:
        """Ours, standard error, low and high end of the interval in per cent, and the number of samples."""
        if self.summary is None:
            return [None] * 5
        summary = self.summary
        spread = (summary.mean, summary.stderr, summary.low, summary.high)
        return [*(rounded(percent(value)) for value in spread), summary.n]

    def parts(self, intervals: bool) -> Parts:
        """The cell as text: ours, the interval where asked for, the paper's number and the difference."""
        texts = [NOTHING if self.ours is None else f"{self.ours:.2f}"]
        if intervals and self.summary is not None and self.ours is not None:
            texts[0] += f" ± {decimals(percent(self.summary.stderr), 2)}"
        if intervals:
            texts.append("" if self.summary is None else interval(self.summary))
        if self.paper is not None:
            # Adding zero turns a rounded -0.0 into 0.0.
            change = "" if self.difference is None else f", {round(self.difference, 2) + 0.0:+.2f}"
            texts.append(f"({self.paper:.2f}{change})")
        return tuple(texts)


def percent(fraction: float) -> float | None:
    """Per cent of a fraction, None for NaN."""
    return 100 * fraction if math.isfinite(fraction) else None


def rounded(value: float | None) -> float | None:
    """Four decimals, for files."""
    return None if value is None else round(value, 4) + 0.0


def decimals(value: float | None, places: int) -> str:
    """A number with so many decimals, or the sign for nothing."""
    return NOTHING if value is None else f"{value:.{places}f}"


def interval(summary: Summary) -> str:
    """The interval in per cent, empty where it is unknown."""
    low, high = percent(summary.low), percent(summary.high)
    return "" if low is None or high is None else f"[{low:.1f}, {high:.1f}]"


def fill(
    reader: ResultReader,
    grid: Grid,
    paper: PaperTable,
    metrics: Sequence[str],
    conventions: Conventions,
    *,
    resamples: int,
    seed: int,
) -> dict[tuple[Line, Line, str], Cell]:
    """Every cell of the grid, the empty ones included.

    Raises:
        UserError: unknown metric.
    """
    cells: dict[tuple[Line, Line, str], Cell] = {}
    for column in grid.columns:
        scored = [run.run_id for _, run in grid.column_runs(column) if run.scopes.get("local")]
        summaries = reader.summarise_runs(scored, metrics, conventions, seed=seed, resamples=resamples)
        for row in grid.rows:
            run = grid.shown(row, column)
            found = {} if run is None else summaries.get(run.run_id, {})
            for metric in metrics:
                published = paper.number(row.paper, column.paper, metric)
                cells[row, column, metric] = Cell(published, run, found.get(metric))
    return cells


def mean_cell(cells: Cells, row: Line, columns: Sequence[Line], metric: str, paper: PaperTable) -> Cell:
    """Plain mean over the published datasets, where each of them has exactly one value.

    The datasets' errors are taken as independent; there is no interval.
    """
    from imlbench.statistics import Summary

    published = paper.number(row.paper, AVERAGE, metric)
    names = [column.paper for column in columns if column.paper]
    found = [cells[row, column, metric].summary for column in columns if column.paper]
    summaries = [summary for summary in found if summary is not None and math.isfinite(summary.mean)]
    if sorted(names) != sorted(paper.columns) or len(summaries) < len(names):
        return Cell(published)
    mean = math.fsum(summary.mean for summary in summaries) / len(summaries)
    stderr = math.sqrt(math.fsum(summary.stderr**2 for summary in summaries)) / len(summaries)
    return Cell(published, None, Summary(mean, stderr, math.nan, math.nan, sum(summary.n for summary in summaries)))
