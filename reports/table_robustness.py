"""The table of robustness: value and drop at each severity, mean drop, area under the curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.report import Report
from reports import markup
from reports.cells import decimals, interval, percent, rounded
from reports.options import (
    Annotators,
    Average,
    AverageOption,
    Datasets,
    Detectors,
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
from reports.robustness import Perturbations
from reports.robustness_notes import AREA, make_notes, title
from reports.robustness_runs import Filters, severity_text

if TYPE_CHECKING:
    from imlbench.statistics import Summary
    from reports.robustness_data import Curves, Series

DEFAULT_METRICS = ("f1", "iou")
CSV_HEADER = (
    "dataset", "perturbation", "target", "annotator", "metric", "quantity", "severity",
    "mean", "stderr", "low", "high", "n",
)  # fmt: skip


def table_robustness(
    results: Results = Path("results"),
    output: TableOutput = None,
    form: TableFormat = None,
    metric: Metrics = None,
    dataset: Datasets = None,
    annotator: Annotators = None,
    detector: Detectors = None,
    perturb: Perturbations = None,
    ci: Annotated[bool, typer.Option("--ci", help="Show standard errors and 95 % bootstrap intervals.")] = False,
    empty: Empty = EmptyOption.ONE,
    average: Average = AverageOption.IMAGE,
    invert: Invert = InvertOption.NEVER,
    seed: Seed = 0,
) -> None:
    """Value at each severity, drop from clean, area under the curve; one table per dataset, perturbation and metric."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from imlbench.statistics import RESAMPLES
    from reports.kinds import chosen_kind
    from reports.robustness_data import make_curves
    from reports.robustness_runs import perturbed_runs

    chosen = text_format(output, form)
    conventions = Conventions(empty.value, average.value, invert.value)
    names = list(dict.fromkeys(metric or DEFAULT_METRICS))
    filters = Filters(dataset or (), annotator or detector or (), perturb or ())
    # CSV has columns for the uncertainty, asked for or not.
    intervals = ci or chosen == TextFormat.CSV
    with ResultReader(results) as reader:
        resamples = RESAMPLES if intervals else 0
        kind = chosen_kind(perturbed_runs(reader), bool(annotator), bool(detector))
        curves = make_curves(reader, names, conventions, filters, seed=seed, resamples=resamples, kind=kind)
        notes = list(make_notes(reader, curves, names, conventions, seed if intervals else None))

    def text(form: TextFormat) -> str:
        if form == TextFormat.CSV:
            return markup.csv_text(CSV_HEADER, long_rows(curves, names))
        write = markup.latex if form == TextFormat.LATEX else markup.markdown
        return write(sheets(curves, names, intervals, kind), notes)

    if not deliver(output, chosen, text):
        from reports.terminal import print_sheets

        print_sheets(sheets(curves, names, intervals, kind), notes)


def sheets(
    curves: Sequence[Curves], metrics: Sequence[str], intervals: bool, kind: str = "annotator"
) -> list[markup.Sheet]:
    """One sheet per dataset, perturbation and metric."""
    from imlbench.metrics import metric

    return [
        markup.Sheet(
            f"{title(one)}: {metric(name).title} (%)",
            (kind.capitalize(), "n", "clean", *map(severity_text, one.severities), "Mean drop", AREA),
            tuple(row_parts(one, series, name, intervals) for series in one.series),
        )
        for one in curves
        for name in metrics
    ]


def row_parts(curves: Curves, series: Series, metric: str, intervals: bool) -> tuple[markup.Parts, ...]:
    """A row: label, number of samples, clean, each severity, mean drop, area."""
    estimates = series.estimates[metric]
    values = dict(zip(series.severities, estimates.values, strict=True))
    drops = dict(zip(series.severities, estimates.drops or (), strict=False))
    mark = "" if curves.complete(series) else markup.DAGGER
    steps = (value_parts(values.get(one), drops.get(one), intervals) for one in curves.severities)
    mean_drop, area = estimates.mean_drop, value_parts(estimates.area, None, intervals)
    return (
        (series.sweep.annotator,),
        (str(estimates.values[0].n),),
        value_parts(estimates.clean, None, intervals),
        *steps,
        tuple(text + mark * (place == 0) for place, text in enumerate(drop_parts(mean_drop, intervals))),
        tuple(text + mark * (place == 0) for place, text in enumerate(area)),
    )


def value_parts(value: Summary | None, drop: Summary | None, intervals: bool) -> markup.Parts:
    """A value, its error and interval where asked for, and its drop."""
    mean = None if value is None else percent(value.mean)
    if value is None or mean is None:
        return (markup.NOTHING,)
    parts = [decimals(mean, 2)]
    if intervals:
        parts = [f"{parts[0]} ± {decimals(percent(value.stderr), 2)}", interval(value)]
    if drop is not None:
        parts.append(f"({' '.join(part for part in drop_parts(drop, intervals) if part)})")
    return tuple(parts)


def drop_parts(drop: Summary | None, intervals: bool) -> markup.Parts:
    """A signed difference, and its interval where asked for."""
    mean = None if drop is None else percent(drop.mean)
    if drop is None or mean is None:
        return (markup.NOTHING,)
    # Adding zero turns a rounded -0.0 into 0.0.
    signed = f"{round(mean, 2) + 0.0:+.2f}"
    return (signed, drop_interval(drop)) if intervals else (signed,)


def drop_interval(drop: Summary) -> str:
    """The interval of a difference, signed, in percentage points; empty where it is unknown."""
    low, high = percent(drop.low), percent(drop.high)
    return "" if low is None or high is None else f"[{round(low, 2) + 0.0:+.2f}, {round(high, 2) + 0.0:+.2f}]"


def long_rows(curves: Sequence[Curves], metrics: Sequence[str]) -> Iterator[list[str | float | int | None]]:
    """One row per quantity: value (clean has no severity), drop, mean-drop, area; in per cent or percentage points."""
    for one in curves:
        for name in metrics:
            for series in one.series:
                facts = (one.dataset, one.perturbation, one.axis.target, series.sweep.annotator, name)
                for quantity, severity, summary in quantities(series, name):
                    spread = (summary.mean, summary.stderr, summary.low, summary.high)
                    yield [*facts, quantity, severity, *(rounded(percent(number)) for number in spread), summary.n]


def quantities(series: Series, metric: str) -> Iterator[tuple[str, str | float | None, Summary]]:
    """Name, severity and summary of all that is known of a row."""
    estimates = series.estimates[metric]
    if estimates.clean is not None:
        yield "value", "clean", estimates.clean
    for quantity, found in (("value", estimates.values), ("drop", estimates.drops or ())):
        for severity, summary in zip(series.severities, found, strict=False):
            yield quantity, severity, summary
    for quantity, total in (("mean-drop", estimates.mean_drop), ("area", estimates.area)):
        if total is not None:
            yield quantity, None, total


TABLE_ROBUSTNESS = Report(
    Card(
        name="table-robustness",
        title="Robustness table",
        version="1",
        summary="value at each severity, drop from clean, area under the curve",
        licence="Apache-2.0",
        citation="SIGMA, arXiv 2605.27924, Fig. 4",
        url="https://arxiv.org/abs/2605.27924",
    ),
    table_robustness,
)
