"""The table of one tag's values, or of mask sizes: where an annotator is strong and where it is weak."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.errors import UserError
from imlbench.registry import natural_key
from imlbench.report import Report
from reports import footer, markup
from reports.cells import decimals, interval, percent, rounded
from reports.grid import clean_runs_of
from reports.options import (
    Annotators,
    Average,
    AverageOption,
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

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader, StoredRun
    from imlbench.statistics import Summary
    from reports.slicing import Slice

CSV_HEADER = ("dataset", "annotator", "by", "value", "metric", "mean", "stderr", "low", "high", "n", "samples")


def slices(
    by: Annotated[str, typer.Option(metavar="TAG", help="mask-area, or a tag such as edit_type or editor.")],
    results: Results = Path("results"),
    annotator: Annotators = None,
    detector: Detectors = None,
    metric: Metrics = None,
    output: TableOutput = None,
    form: TableFormat = None,
    empty: Empty = EmptyOption.ONE,
    average: Average = AverageOption.IMAGE,
    invert: Invert = InvertOption.NEVER,
    seed: Seed = 0,
) -> None:
    """Means, standard errors and intervals by the value of a tag or by mask size; F1 by default."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader

    chosen = text_format(output, form)
    conventions = Conventions(empty.value, average.value, invert.value)
    names = list(dict.fromkeys(metric or ["f1"]))
    with ResultReader(results) as reader:
        runs = newest(clean_runs_of(reader, annotator, detector), annotator or detector or [])
        found = build(reader, runs, by, names, conventions, seed)
        notes = list(make_notes(reader, found, by, names, conventions, seed))

    def text(form: TextFormat) -> str:
        if form == TextFormat.CSV:
            return markup.csv_text(CSV_HEADER, long_rows(found, by, names))
        write = markup.latex if form == TextFormat.LATEX else markup.markdown
        return write(sheets(found, by, names), notes)

    if not deliver(output, chosen, text):
        from reports.terminal import print_sheets

        print_sheets(sheets(found, by, names), notes)


def build(
    reader: ResultReader,
    runs: Sequence[StoredRun],
    by: str,
    metrics: Sequence[str] = ("f1",),
    conventions: Conventions | None = None,
    seed: int = 0,
) -> list[Slice]:
    """The slices of each run.

    Args:
        reader: the results.
        runs: of one kind of adapters.
        by: a tag, or "mask-area".
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the default ones.
        seed: of the bootstrap.

    Raises:
        UserError: unknown metric, or a tag that no sample has.
    """
    from imlbench.metrics import Conventions, metric
    from reports.slicing import check_by
    from reports.slicing import slices as slices_of

    for name in metrics:
        metric(name)
    check_by(reader, by)
    chosen = conventions or Conventions()
    return [one for run in runs for one in slices_of(reader, run, by, metrics, chosen, seed)]


def newest(runs: Sequence[StoredRun], patterns: Sequence[str]) -> list[StoredRun]:
    """The newest run of each adapter on each dataset, by dataset, then adapter.

    Args:
        runs: to choose from.
        patterns: registered names or globs of adapters; none = all.

    Raises:
        UserError: no adapter of that name.
    """
    chosen: dict[tuple[str, str], StoredRun] = {}
    for stored in sorted(runs, key=lambda stored: stored.recorded):
        if not patterns or any(fnmatch.fnmatchcase(stored.run.adapter, glob) for glob in patterns):
            chosen[stored.run.dataset, stored.run.adapter] = stored
    if not chosen:
        known = ", ".join(sorted({stored.run.adapter for stored in runs}, key=natural_key))
        raise UserError(f"no run of {', '.join(patterns)}; the results hold {known}")
    return [chosen[key] for key in sorted(chosen, key=lambda key: (natural_key(key[0]), natural_key(key[1])))]


def sheets(found: Iterable[Slice], by: str, metrics: Sequence[str]) -> list[markup.Sheet]:
    """One sheet per metric."""
    from imlbench.metrics import metric

    rows = list(found)
    (kind,) = {one.run.run.kind for one in rows} or {"annotator"}
    header = ("Dataset", kind.capitalize(), by, "n", "Mean", "Std. error", "95 % interval")
    return [
        markup.Sheet(
            f"{metric(name).title} by {by} (%)",
            header,
            tuple(tuple((text,) for text in row_texts(one, one.summaries[name])) for one in rows),
            words=3,
        )
        for name in metrics
    ]


def row_texts(one: Slice, summary: Summary) -> list[str]:
    """Texts of a row."""
    return [
        one.run.run.dataset_title,
        one.run.run.adapter_title,
        one.value,
        str(summary.n),
        decimals(percent(summary.mean), 2),
        decimals(percent(summary.stderr), 2),
        interval(summary) or markup.NOTHING,
    ]


def long_rows(found: Iterable[Slice], by: str, metrics: Sequence[str]) -> Iterator[list[str | float | int | None]]:
    """One row per slice and metric, numbers in per cent; `samples` counts those without a value too."""
    for one in found:
        for name in metrics:
            summary = one.summaries[name]
            spread = (summary.mean, summary.stderr, summary.low, summary.high)
            numbers = [rounded(percent(value)) for value in spread]
            titles = (one.run.run.dataset_title, one.run.run.adapter_title)
            yield [*titles, by, one.value, name, *numbers, summary.n, one.samples]


def make_notes(
    reader: ResultReader, found: Sequence[Slice], by: str, metrics: Sequence[str], conventions: Conventions, seed: int
) -> Iterator[str]:
    """The footer."""
    from reports.slicing import MASK_AREA, UNTAGGED

    yield from footer.convention_notes(conventions, metrics)
    yield footer.interval_note(conventions, seed)
    if by == MASK_AREA:
        yield "mask-area: edited share of the image; a bin holds its lower end."
    if any(one.value == UNTAGGED for one in found):
        yield f"{UNTAGGED}: samples without this tag."
    runs = list({one.run.run_id: one.run for one in found}.values())
    for run in runs:
        left_out = {status: run.total(status) for status in ("skipped", "failed") if run.total(status)}
        if left_out:
            counts = ", ".join(f"{count} {status}" for status, count in left_out.items())
            yield f"{run.run.adapter_title} on {run.run.dataset_title}: {counts}, in no slice."
    yield footer.software_note(reader, runs)


SLICES = Report(
    Card(
        name="slices",
        title="Slices",
        version="1",
        summary="means by the value of a tag (edit type, editor, ...) or by mask size",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    slices,
)
