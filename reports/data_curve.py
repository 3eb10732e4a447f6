"""F1 against the number of training images: how much each annotator's masks are worth, and whether more would help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.report import Report


def data_curve(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of `imlbench study`.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A .png, .svg or .pdf.")],
    metric: Annotated[str, typer.Option(help="Metric.")] = "f1",
) -> None:
    """F1 after training against the number of edited training images, for each annotator, with bands over seeds."""
    from imlbench.metrics import metric as metric_of
    from reports.data_curve_figure import draw
    from reports.figures import figure_form, save_figure
    from reports.study_data import read_study

    figure_form(output)
    name = metric_of(metric).name
    save_figure(draw(read_study(study, [name]), name), output)
    typer.echo(f"written: {output}")


DATA_CURVE = Report(
    Card(
        name="data-curve",
        title="Data curve",
        version="1",
        summary="F1 of trained detectors against the number of training images, by annotator",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    data_curve,
)
