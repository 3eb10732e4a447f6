"""The table of annotators by dataset, with the published numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.report import Report
from reports import footer, markup
from reports.cells import Cells, fill, mean_cell, rounded
from reports.grid import Line, clean_runs, make_grid
from reports.options import (
    Average,
    AverageOption,
    Empty,
    Invert,
    Metrics,
    Results,
    Seed,
    TableFormat,
    TableOutput,
    TextFormat,
    deliver,
    text_format,
)
from reports.paper_numbers import AVERAGE, annotator_table

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.grid import Grid

DEFAULT_METRICS = ("f1", "iou")
SOURCE = "arXiv 2605.27924, Table 1"
CSV_HEADER = (
    "annotator", "dataset", "metric", "ours", "stderr", "low", "high", "n", "failed", "skipped", "paper", "difference",
)  # fmt: skip
AVERAGE_LINE = Line(("average", ""), AVERAGE, AVERAGE)


@dataclass(frozen=True, slots=True)
class Table1:
    """The table's data, apart from any format.

    Attributes:
        rows: annotators.
        columns: the published datasets, the average, then other datasets.
        metrics: names of metrics, one table each.
        cells: by (row, column, metric); every combination is there.
        composited: columns that a threshold of 1 solves.
        intervals: whether standard errors and intervals were computed and are shown.
        notes: what a reader must know, plain text.
    """

    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    metrics: tuple[str, ...]
    cells: Cells
    composited: frozenset[Line]
    intervals: bool
    notes: tuple[str, ...]


def build(
    reader: ResultReader,
    metrics: Sequence[str] = DEFAULT_METRICS,
    conventions: Conventions | None = None,
    *,
    intervals: bool = False,
    seed: int = 0,
) -> Table1:
    """Compute the table from a results file.

    Args:
        reader: the results.
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the published tables'.
        intervals: whether to compute and show standard errors and bootstrap intervals.
        seed: of the bootstrap.

    Raises:
        UserError: no clean run of an annotator, or an unknown metric.
    """
    from imlbench.metrics import Conventions, metric
    from imlbench.statistics import RESAMPLES

    chosen = conventions or Conventions()
    names = tuple(dict.fromkeys(metric(name).name for name in metrics))
    paper = annotator_table()
    grid = make_grid(clean_runs(reader), paper)
    cells = fill(reader, grid, paper, names, chosen, resamples=RESAMPLES if intervals else 0, seed=seed)
    for row in grid.rows:
        for name in names:
            cells[row, AVERAGE_LINE, name] = mean_cell(cells, row, grid.columns, name, paper)
    published = [column for column in grid.columns if column.paper]
    others = [column for column in grid.columns if not column.paper]
    composited = footer.composited_columns(reader, grid)
    notes = tuple(make_notes(reader, grid, names, chosen, composited, seed if intervals else None))
    return Table1(grid.rows, (*published, AVERAGE_LINE, *others), names, cells, composited, intervals, notes)


def make_notes(
    reader: ResultReader,
    grid: Grid,
    metrics: Sequence[str],
    conventions: Conventions,
    composited: frozenset[Line],
    interval_seed: int | None,
) -> Iterator[str]:
    """The footer."""
    from imlbench.metrics import Conventions

    yield f"In parentheses: the number of {SOURCE}, and ours minus it; {markup.NOTHING} where nothing was scored."
    if conventions != Conventions():
        yield f"Warning: the paper's numbers stand for {Conventions()}; the differences mix conventions."
    yield from footer.convention_notes(conventions, metrics)
    if interval_seed is not None:
        yield footer.interval_note(conventions, interval_seed)
    error = "; its error takes them as independent" if interval_seed is not None else ""
    yield f"Average: plain mean of the five published datasets, where all five were run{error}."
    for column in grid.columns:
        runs = grid.column_runs(column)
        if runs:
            yield from footer.dataset_note(reader, column, runs)
    if composited:
        labels = ", ".join(column.label for column in grid.columns if column in composited)
        yield f"{markup.DAGGER} composited ({labels}): {footer.COMPOSITED}."
    yield from footer.choice_notes(grid)
    yield footer.software_note(reader, [run for column in grid.columns for _, run in grid.column_runs(column)])


def sheets(table: Table1) -> list[markup.Sheet]:
    """One sheet per metric."""
    from imlbench.metrics import metric

    marks = {column: markup.DAGGER if column in table.composited else "" for column in table.columns}
    header = ("Annotator", *(column.label + marks[column] for column in table.columns))
    return [
        markup.Sheet(
            f"{metric(name).title} (%)",
            header,
            tuple(
                ((row.label,), *(table.cells[row, column, name].parts(table.intervals) for column in table.columns))
                for row in table.rows
            ),
        )
        for name in table.metrics
    ]


def render(table: Table1, form: TextFormat) -> str:
    """The table as text in one of the formats."""
    if form == TextFormat.CSV:
        return markup.csv_text(CSV_HEADER, long_rows(table))
    write = markup.latex if form == TextFormat.LATEX else markup.markdown
    return write(sheets(table), table.notes)


def long_rows(table: Table1) -> Iterator[list[str | float | int | None]]:
    """One row per cell, numbers in per cent; None where unknown."""
    for name in table.metrics:
        for row in table.rows:
            for column in table.columns:
                cell = table.cells[row, column, name]
                yield [
                    row.label,
                    column.label,
                    name,
                    *cell.numbers(),
                    None if cell.run is None else cell.run.total("failed"),
                    None if cell.run is None else cell.run.total("skipped"),
                    cell.paper,
                    rounded(cell.difference),
                ]


def table1(
    results: Results = Path("results"),
    output: TableOutput = None,
    form: TableFormat = None,
    metric: Metrics = None,
    ci: Annotated[bool, typer.Option("--ci", help="Show standard errors and 95 % bootstrap intervals.")] = False,
    empty: Empty = EmptyOption.ONE,
    average: Average = AverageOption.IMAGE,
    invert: Invert = InvertOption.NEVER,
    seed: Seed = 0,
) -> None:
    """Annotators by dataset, with the paper's numbers and the differences. F1 and IoU by default."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader

    chosen = text_format(output, form)
    conventions = Conventions(empty.value, average.value, invert.value)
    with ResultReader(results) as reader:
        # CSV has columns for the uncertainty, asked for or not.
        intervals = ci or chosen == TextFormat.CSV
        table = build(reader, metric or DEFAULT_METRICS, conventions, intervals=intervals, seed=seed)
    if not deliver(output, chosen, lambda chosen: render(table, chosen)):
        from reports.terminal import print_sheets

        print_sheets(sheets(table), table.notes)


TABLE1 = Report(
    Card(
        name="table1",
        title="Table 1",
        version="1",
        summary="annotators by dataset, with the published numbers and the differences",
        licence="Apache-2.0",
        citation=f"SIGMA, {SOURCE}",
        url="https://arxiv.org/abs/2605.27924",
    ),
    table1,
)
