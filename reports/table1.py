"""The table of annotators by dataset, with the published numbers beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.report import Report
from reports.grid import clean_runs, make_grid
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
from reports.paper_numbers import annotator_table
from reports.paper_table import CSV_COLUMNS, DEFAULT_METRICS, ComparedTable, compare, render, sheets

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader

SOURCE = "arXiv 2605.27924, Table 1"
WORD = "annotator"
CSV_HEADER = (WORD, *CSV_COLUMNS)


def build(
    reader: ResultReader,
    metrics: Sequence[str] = DEFAULT_METRICS,
    conventions: Conventions | None = None,
    *,
    intervals: bool = False,
    seed: int = 0,
) -> ComparedTable:
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
    paper = annotator_table()
    grid = make_grid(clean_runs(reader), paper)
    return compare(reader, grid, paper, metrics, conventions, word=WORD, source=SOURCE, intervals=intervals, seed=seed)


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
