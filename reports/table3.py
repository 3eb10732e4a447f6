"""The ablation: SIGMA's variants by dataset, with the published numbers beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.report import Report
from reports.ablation_runs import ROWS, ablation_runs, provenance_notes, variant_name
from reports.grid import make_grid
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
from reports.paper_numbers import ablation_table
from reports.paper_table import CSV_COLUMNS, DEFAULT_METRICS, ComparedTable, compare, render, sheets

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader

SOURCE = "arXiv 2605.27924, Table 3"
WORD = "variant"
CSV_HEADER = (WORD, *CSV_COLUMNS)
VARIANTS = (
    "Variants: baseline = differences at the deepest level of the backbone alone; +msdb = at all levels; +nDRBs = n "
    "difference refinement blocks; +IGB = the instruction-grounding branch; +Stage II training = the row above trained "
    "further with unlabelled pairs. Every other row is trained from the start. Evaluated are the weights that did best "
    "on photographs kept apart from the training data."
)


def build(
    reader: ResultReader,
    metrics: Sequence[str] = DEFAULT_METRICS,
    conventions: Conventions | None = None,
    *,
    intervals: bool = False,
    seed: int = 0,
) -> ComparedTable:
    """Compute the table from a results file. All seven rows are there, empty where they were not run.

    Args:
        reader: the results.
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the published tables'.
        intervals: whether to compute and show standard errors and bootstrap intervals.
        seed: of the bootstrap.

    Raises:
        UserError: no clean run of a variant, or an unknown metric.
    """
    paper = ablation_table()
    grid = make_grid(ablation_runs(reader), paper)
    about = (VARIANTS, *provenance_notes(grid))
    return compare(
        reader, grid, paper, metrics, conventions, word=WORD, source=SOURCE, about=about, intervals=intervals, seed=seed
    )


def table3(
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
    """Variants of SIGMA by dataset, as `imlbench ablation` trained them, beside the paper's. F1 and IoU by default."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader

    chosen = text_format(output, form)
    conventions = Conventions(empty.value, average.value, invert.value)
    with ResultReader(results) as reader:
        # CSV has columns for the uncertainty, asked for or not.
        intervals = ci or chosen == TextFormat.CSV
        table = build(reader, metric or DEFAULT_METRICS, conventions, intervals=intervals, seed=seed)
    if not deliver(output, chosen, lambda chosen: render(table, chosen, variant_name)):
        from reports.terminal import print_sheets

        print_sheets(sheets(table), table.notes)


TABLE3 = Report(
    Card(
        name="table3",
        title="Table 3",
        version="1",
        summary=f"the ablation's {len(ROWS)} variants by dataset, with the published numbers and the differences",
        licence="Apache-2.0",
        citation=f"SIGMA, {SOURCE}",
        url="https://arxiv.org/abs/2605.27924",
    ),
    table3,
)
