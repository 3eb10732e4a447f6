"""The table of annotators by dataset, with the published numbers beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.errors import UserError
from imlbench.report import Report
from reports.ablation_runs import is_ablation
from reports.grid import clean_runs, make_grid
from reports.not_run import lacks, not_run_notes
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
    from imlbench.results.reading import ResultReader, StoredRun

SOURCE = "arXiv 2605.27924, Table 1"
WORD = "annotator"
CSV_HEADER = (WORD, *CSV_COLUMNS)


def build(
    reader: ResultReader,
    metrics: Sequence[str] = DEFAULT_METRICS,
    conventions: Conventions | None = None,
    *,
    annotators: Sequence[str] = (),
    intervals: bool = False,
    seed: int = 0,
) -> ComparedTable:
    """Compute the table from a results file.

    Args:
        reader: the results.
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the published tables'.
        annotators: registered names or globs; none = all but the variants of an ablation, which Table 3 shows.
        intervals: whether to compute and show standard errors and bootstrap intervals.
        seed: of the bootstrap.

    Raises:
        UserError: no clean run of such an annotator, or an unknown metric.
    """
    paper = annotator_table()
    runs, about = chosen_runs(reader, annotators)
    grid = make_grid(runs, paper)
    # Rows that were not asked for are empty by choice.
    missing = {} if annotators else lacks(grid)
    return compare(
        reader,
        grid,
        paper,
        metrics,
        conventions,
        word=WORD,
        source=SOURCE,
        about=[*about, *not_run_notes(missing)],
        missing=missing,
        intervals=intervals,
        seed=seed,
    )


def chosen_runs(reader: ResultReader, annotators: Sequence[str]) -> tuple[list[StoredRun], list[str]]:
    """The runs that make the rows, and a note on those that are left out unasked.

    Raises:
        UserError: there is none.
    """
    # Imported here, since the list of reports must not import what draws.
    from reports.curves import matching

    runs = clean_runs(reader)
    if annotators:
        return matching(runs, annotators), []
    rows = [stored for stored in runs if not is_ablation(stored)]
    if not rows:
        raise UserError(f"{reader.path}: only runs of an ablation: `imlbench report table3` shows them")
    variants = len({stored.run.adapter for stored in runs if is_ablation(stored)})
    return rows, [f"Left out: variants of an ablation ({variants}), see table3."] if variants else []


def table1(
    results: Results = Path("results"),
    output: TableOutput = None,
    form: TableFormat = None,
    annotator: Annotated[
        list[str] | None,
        typer.Option(help="Annotator or glob; may be repeated. Without it all but the variants of an ablation."),
    ] = None,
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
        metrics = metric or DEFAULT_METRICS
        table = build(reader, metrics, conventions, annotators=annotator or (), intervals=intervals, seed=seed)
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
