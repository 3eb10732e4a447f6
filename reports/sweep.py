"""The figure of F1 against the threshold, one curve per dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.report import Report
from reports.markup import csv_text
from reports.options import Empty, Results

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from reports.curves import Curve

CSV_HEADER = ("annotator", "dataset", "threshold", "f1", "stderr", "n", "oracle", "composited", "paper")


class FigureFormat(StrEnum):
    """Formats of the figure; csv holds the points themselves."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"
    CSV = "csv"


def sweep(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write: .png, .svg, .pdf or .csv.")
    ],
    results: Results = Path("results"),
    annotator: Annotated[
        list[str] | None, typer.Option(help="Annotator or glob; may be repeated. Default: PixDiff's fixed thresholds.")
    ] = None,
    form: Annotated[FigureFormat | None, typer.Option("--format", help="Whatever the file's suffix says.")] = None,
    max_threshold: Annotated[int, typer.Option(min=1, max=255, help="Right end of the axis.")] = 100,
    empty: Empty = EmptyOption.ONE,
) -> None:
    """Mean F1 against the threshold from stored histograms, one curve per dataset; needs no image."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.curves import make_curves
    from reports.grid import clean_runs

    chosen = figure_format(output, form)
    conventions = Conventions(empty=empty.value)
    with ResultReader(results) as reader:
        curves = make_curves(reader, clean_runs(reader), annotator or [], conventions.empty)
    write_atomically(output, render(curves, chosen, max_threshold, conventions))
    typer.echo(f"written: {output}")


def figure_format(output: Path, chosen: FigureFormat | None) -> FigureFormat:
    """The chosen format, else the file's.

    Raises:
        UserError: the file's suffix says nothing.
    """
    suffix = output.suffix.lower().removeprefix(".")
    if chosen is None and suffix not in list(FigureFormat):
        expected = ", ".join(f".{form}" for form in FigureFormat)
        raise UserError(f"{one_line(output)}: expected a name ending in {expected}, or --format")
    return chosen or FigureFormat(suffix)


def render(curves: Sequence[Curve], form: FigureFormat, highest: int, conventions: Conventions) -> bytes | str:
    """The figure, or its points as CSV."""
    if form == FigureFormat.CSV:
        return csv_text(CSV_HEADER, points(curves))
    from imlbench import __version__
    from reports.figures import image_bytes
    from reports.sweep_figure import draw

    note = f"imlbench {__version__}; {conventions}; samples with a local edit only. Paper: arXiv 2605.27924, Table 1."
    return image_bytes(draw(curves, highest, note), form.value)


def points(curves: Sequence[Curve]) -> Iterator[list[str | float | int | None]]:
    """One row per curve and threshold, in per cent; `oracle` is 1 at the best threshold."""
    from reports.cells import percent, rounded

    for curve in curves:
        for threshold, (mean, stderr) in enumerate(zip(curve.mean.tolist(), curve.stderr.tolist(), strict=True)):
            paper = curve.paper.get(threshold)
            yield [
                curve.annotator,
                curve.dataset,
                threshold,
                rounded(percent(mean)),
                rounded(percent(stderr)),
                curve.samples,
                int(threshold == curve.oracle),
                int(curve.composited),
                None if paper is None else rounded(100 * paper),
            ]


SWEEP = Report(
    Card(
        name="sweep",
        title="Threshold sweep",
        version="1",
        summary="figure of F1 against the threshold for each dataset, composited ones marked",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    sweep,
)
