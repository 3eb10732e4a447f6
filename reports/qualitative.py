"""The grid of pictures: original, edited, truth, and what each annotator makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption
from imlbench.errors import UserError, one_line
from imlbench.report import Report
from reports.options import Empty, Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imlbench.results.reading import ResultReader
    from reports.qualitative_data import Choice

PICKS = ("spread", "worst", "best", "random")
SHOWS = ("decision", "score", "errors")
TARGETS = ("edited", "both")


def qualitative(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write: .png, .svg or .pdf.")],
    results: Results = Path("results"),
    dataset: Annotated[str | None, typer.Option(help="Which dataset; needed where the results hold several.")] = None,
    annotator: Annotated[
        list[str] | None, typer.Option(help="Annotator or glob; may be repeated; columns in this order.")
    ] = None,
    sample_id: Annotated[list[str] | None, typer.Option(help="Show this sample; may be repeated.")] = None,
    pick: Annotated[str, typer.Option(help=f"How samples are chosen: {', '.join(PICKS)}.")] = "spread",
    rows: Annotated[int, typer.Option(help="Number of samples, 1 to 50.")] = 6,
    by: Annotated[str, typer.Option(metavar="METRIC", help="Metric that ranks samples and is shown.")] = "f1",
    of: Annotated[
        str | None, typer.Option(metavar="ANNOTATOR", help="Whose score ranks the samples. Default: the best one's.")
    ] = None,
    data_root: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="The dataset's folder, or NAME=DIR; may be repeated.")
    ] = None,
    show: Annotated[str, typer.Option(help=f"What to draw of a prediction: {', '.join(SHOWS)}.")] = "decision",
    perturb: Annotated[str | None, typer.Option(metavar="NAME", help="Show runs on perturbed images.")] = None,
    severity: Annotated[float | None, typer.Option(help="Of the perturbation.")] = None,
    target: Annotated[str, typer.Option(help=f"What was perturbed: {', '.join(TARGETS)}.")] = "edited",
    empty: Empty = EmptyOption.ONE,
    seed: Annotated[int, typer.Option(min=0, help="Seed of a random choice.")] = 0,
) -> None:
    """Original, edited image, truth and predictions of some samples, with each prediction's score."""
    from imlbench.results.reading import ResultReader
    from reports.figures import figure_form, save_figure
    from reports.qualitative_data import Choice

    figure_form(output)
    for name, value, allowed in (("pick", pick, PICKS), ("show", show, SHOWS), ("target", target, TARGETS)):
        if value not in allowed:
            raise UserError(f"--{name}: expected one of {', '.join(allowed)}, found {one_line(value, 80)!r}")
    choice = Choice(
        dataset=dataset or "",
        annotators=annotator or (),
        sample_ids=sample_id or (),
        pick=pick,
        rows=rows,
        by=by,
        of=of or "",
        show=show,
        perturbation=perturb or "",
        severity=severity,
        target=target,  # type: ignore[arg-type]
        empty=empty.value,
        seed=seed,
    )
    with ResultReader(results) as reader:
        save_figure(qualitative_figure(reader, choice, roots_of(reader, choice, data_root or [])), output)
    typer.echo(f"written: {output}")


def qualitative_figure(
    reader: ResultReader, choice: Choice, roots: Mapping[str, str | Path] | None = None, recompute: bool = True
) -> Figure:
    """The grid as a matplotlib figure.

    Args:
        reader: the results.
        choice: runs, samples and how they are drawn.
        roots: folders of datasets by label or name; None = where the images lay when they were scored.
        recompute: whether adapters that need no accelerator are run again for maps that were not kept.

    Raises:
        UserError: nothing fits the choice, or the dataset's folder is not there.
    """
    from imlbench.pictures import Pictures
    from reports.qualitative_figure import draw
    from reports.qualitative_tiles import make_pictures

    return draw(make_pictures(reader, Pictures(reader, roots, recompute), choice))


def roots_of(reader: ResultReader, choice: Choice, given: Sequence[str]) -> dict[str, Path]:
    """The folder that was given for the chosen dataset; "NAME=DIR" of the results' other datasets is left aside.

    Raises:
        UserError: two folders for one dataset.
    """
    from imlbench.cli.options import roots_by_dataset
    from reports.qualitative_data import chosen_runs

    label = chosen_runs(reader, choice)[0].run.dataset
    labels = {stored.run.dataset for stored in reader.runs()}
    other = {name for known in labels for name in (known, known.partition(":")[0])} - {label, label.partition(":")[0]}
    fitting = [root for root in given if root.partition("=")[0] not in other or "=" not in root]
    root = roots_by_dataset([label], fitting)[label]
    return {} if root is None else {label: root}


QUALITATIVE = Report(
    Card(
        name="qualitative",
        title="Qualitative grid",
        version="1",
        summary="pictures of some samples: original, edited, truth, predictions with their scores",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    qualitative,
)
