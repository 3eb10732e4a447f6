"""A metric against the size of the edited area: figure or table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.report import Report
from reports import markup
from reports.options import (
    SUFFIXES,
    Annotators,
    Average,
    AverageOption,
    Datasets,
    Detectors,
    Empty,
    Invert,
    Results,
    Seed,
    TextFormat,
)

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader, StoredRun
    from reports.mask_area_data import AreaPanel

FIGURES = (".png", ".svg", ".pdf")
CSV_HEADER = (
    "dataset", "annotator", "metric", "area_low", "area_high", "area_centre", "mean", "stderr", "low", "high", "n",
)  # fmt: skip


def mask_area(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write: .png, .svg, .pdf; or .csv, .md, .tex."),
    ],
    results: Results = Path("results"),
    annotator: Annotators = None,
    detector: Detectors = None,
    dataset: Datasets = None,
    metric: Annotated[str, typer.Option(help="Metric.")] = "f1",
    bins: Annotated[int, typer.Option(min=1, max=50, help="Number of bins at most.")] = 6,
    empty: Empty = EmptyOption.ONE,
    average: Average = AverageOption.IMAGE,
    invert: Invert = InvertOption.NEVER,
    seed: Seed = 0,
) -> None:
    """A metric against the edited share of the image, in bins of equal count with 95 % bootstrap intervals."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.grid import clean_runs_of
    from reports.mask_area_data import make_panels
    from reports.slices import newest

    check_suffix(output)
    conventions = Conventions(empty.value, average.value, invert.value)
    with ResultReader(results) as reader:
        clean = clean_runs_of(reader, annotator, detector)
        runs = newest(on_datasets(clean, dataset or []), annotator or detector or [])
        panels = make_panels(reader, runs, metric, bins, conventions, seed)
        words = figure_notes if output.suffix.lower() in FIGURES else table_notes
        notes = list(words(reader, panels, metric, conventions, seed))
    write_atomically(output, render(panels, output, metric, notes))
    typer.echo(f"written: {output}")


def check_suffix(output: Path) -> None:
    """Refuse a file name that says no format.

    Raises:
        UserError: the suffix is neither a figure's nor a table's.
    """
    if output.suffix.lower() not in (*FIGURES, *SUFFIXES):
        expected = ", ".join((*FIGURES, *SUFFIXES))
        raise UserError(f"{one_line(output)}: expected a name ending in {expected}")


def on_datasets(runs: Sequence[StoredRun], patterns: Sequence[str]) -> list[StoredRun]:
    """The runs on some datasets, given by label, by name, or by glob; none = all.

    Raises:
        UserError: a pattern fits no dataset.
    """
    import fnmatch

    labels = {stored.run.dataset for stored in runs}
    chosen: set[str] = set()
    for pattern in patterns:
        fitting = {label for label in labels if fnmatch.fnmatchcase(label, pattern)}
        fitting = fitting or {label for label in labels if label.partition(":")[0] == pattern}
        if not fitting:
            known = ", ".join(sorted(labels))
            raise UserError(f"no run on the dataset {one_line(pattern, 80)!r}; the results hold {known}")
        chosen |= fitting
    return [stored for stored in runs if not patterns or stored.run.dataset in chosen]


def render(panels: Sequence[AreaPanel], output: Path, name: str, notes: Sequence[str]) -> bytes | str:
    """The figure, or the table that it shows."""
    suffix = output.suffix.lower()
    if suffix in FIGURES:
        from reports.figures import image_bytes
        from reports.mask_area_figure import draw

        return image_bytes(draw(panels, name, notes), suffix[1:])
    if SUFFIXES[suffix] == TextFormat.CSV:
        return markup.csv_text(CSV_HEADER, long_rows(panels, name))
    write = markup.latex if SUFFIXES[suffix] == TextFormat.LATEX else markup.markdown
    return write([sheet(panels, name)], notes)


def sheet(panels: Sequence[AreaPanel], name: str) -> markup.Sheet:
    """The table for the eye."""
    from imlbench.metrics import metric
    from reports.cells import decimals, interval, percent

    rows = [
        (
            (panel.dataset,),
            (curve.run.run.adapter_title,),
            (f"{100 * one.low:.3g}-{100 * one.high:.3g} %",),
            (str(one.summary.n),),
            (decimals(percent(one.summary.mean), 2),),
            (decimals(percent(one.summary.stderr), 2),),
            (interval(one.summary) or markup.NOTHING,),
        )
        for panel in panels
        for curve in panel.curves
        for one in curve.bins
    ]
    header = ("Dataset", "Annotator", "Edited area", "n", "Mean", "Std. error", "95 % interval")
    return markup.Sheet(f"{metric(name).title} by edited area (%)", header, tuple(rows), words=3)


def long_rows(panels: Sequence[AreaPanel], name: str) -> Iterator[list[str | float | int | None]]:
    """One row per bin, all numbers but n in per cent."""
    from reports.cells import percent, rounded

    for panel in panels:
        for curve in panel.curves:
            for one in curve.bins:
                spread = one.summary
                areas = [100 * one.low, 100 * one.high, 100 * one.centre]
                numbers = [percent(value) for value in (spread.mean, spread.stderr, spread.low, spread.high)]
                titles = [panel.dataset, curve.run.run.adapter_title, name]
                yield [*titles, *map(rounded, (*areas, *numbers)), spread.n]


def table_notes(
    reader: ResultReader, panels: Sequence[AreaPanel], name: str, conventions: Conventions, seed: int
) -> Iterator[str]:
    """The footer of a table."""
    from reports import footer

    yield from footer.convention_notes(conventions, [name])
    yield footer.interval_note(conventions, seed)
    yield from area_notes(panels)
    yield footer.software_note(reader, [curve.run for panel in panels for curve in panel.curves])


def figure_notes(
    reader: ResultReader, panels: Sequence[AreaPanel], name: str, conventions: Conventions, seed: int
) -> Iterator[str]:
    """The small print of a figure."""
    from imlbench import __version__
    from imlbench.metrics import metric
    from imlbench.statistics import RESAMPLES

    yield (
        f"imlbench {__version__}; {conventions}; samples with a local edit only. Band: 95 % percentile bootstrap "
        f"interval over samples, {RESAMPLES} resamples, seed {seed}."
    )
    if metric(name).note:
        yield f"{metric(name).title}: {metric(name).note}."
    yield from area_notes(panels)


def area_notes(panels: Sequence[AreaPanel]) -> Iterator[str]:
    """What the bins are, and what is in none of them."""
    from reports import footer

    yield (
        "Edited area: edited share of the image's pixels. Bins hold equal numbers of samples as far as ties allow, the "
        "same for all annotators of a dataset; a mark stands at the geometric mean of its bin."
    )
    for panel in panels:
        if panel.left_out:
            yield f"{panel.dataset}: {panel.left_out} samples without an edited pixel or of unknown size left out."
    if any(panel.composited for panel in panels):
        yield f"composited: {footer.COMPOSITED}."


MASK_AREA = Report(
    Card(
        name="mask-area",
        title="Mask area",
        version="1",
        summary="F1 (or another metric) against the edited share of the image, as figure or table",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    mask_area,
)
