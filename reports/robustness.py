"""The figure of robustness curves: a metric against the strength of each perturbation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.report import Report
from reports.figures import FORMS, figure_form, image_bytes, save_figure
from reports.options import (
    Annotators,
    Datasets,
    Detectors,
    Empty,
    Invert,
    Results,
    Seed,
)

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.robustness_data import Curves

STEM = "robustness"
"""Name of the files where a folder is given."""

Perturbations = Annotated[list[str] | None, typer.Option("--perturb", help="Perturbation or glob; may be repeated.")]


class Panel(NamedTuple):
    """One figure for a page.

    Attributes:
        title: dataset, perturbation and target; plain text, to be escaped by who shows it.
        caption: what it shows and on what it stands; plain text likewise.
        svg: a whole SVG document.
    """

    title: str
    caption: str
    svg: bytes


def robustness(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE_OR_DIR", help="A .png, .svg or .pdf; a folder gets all three."),
    ],
    results: Results = Path("results"),
    metric: Annotated[str, typer.Option(help="Metric.")] = "f1",
    dataset: Datasets = None,
    annotator: Annotators = None,
    detector: Detectors = None,
    perturb: Perturbations = None,
    empty: Empty = EmptyOption.ONE,
    invert: Invert = InvertOption.NEVER,
    seed: Seed = 0,
) -> None:
    """A metric against severity with intervals: datasets below, perturbations beside one another; needs no image."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.kinds import chosen_kind
    from reports.robustness_data import make_curves
    from reports.robustness_figure import LEGIBLE, draw
    from reports.robustness_runs import Filters, perturbed_runs

    files = targets(output)
    conventions = Conventions(empty=empty.value, invert=invert.value)
    filters = Filters(dataset or (), annotator or detector or (), perturb or ())
    with ResultReader(results) as reader:
        kind = chosen_kind(perturbed_runs(reader), bool(annotator), bool(detector))
        curves = make_curves(reader, [metric], conventions, filters, seed=seed, kind=kind)
    lines = {series.sweep.annotator for one in curves for series in one.series}
    if len(lines) > LEGIBLE:
        typer.echo(f"{len(lines)} {kind}s are hard to tell apart: --{kind} chooses some", err=True)
    figure = draw(curves, metric, make_note(curves, metric, conventions, seed))
    for file in files:
        save_figure(figure, file)
        typer.echo(f"written: {file}")


def targets(output: Path) -> list[Path]:
    """The file, or all forms of the figure in the folder.

    Raises:
        UserError: the suffix names no form.
    """
    if output.is_dir() or not output.suffix:
        return [output / f"{STEM}.{form}" for form in FORMS]
    figure_form(output)
    return [output]


def robustness_panels(
    reader: ResultReader, metric: str = "f1", conventions: Conventions | None = None, seed: int = 0
) -> list[Panel]:
    """One figure per dataset, perturbation and kind of adapters; none where no run is on perturbed images.

    Args:
        reader: the results.
        metric: name as in `imlbench.metrics.METRICS`.
        conventions: None = the default ones.
        seed: of the bootstrap.

    Raises:
        UserError: unknown metric, or pooled counts.
    """
    from imlbench.metrics import Conventions
    from reports.kinds import KINDS
    from reports.robustness_data import make_curves
    from reports.robustness_figure import TARGET_WORDS, draw

    chosen = conventions or Conventions()
    panels = []
    for kind in KINDS:
        if not any(stored.run.perturbation and stored.scopes.get("local") for stored in reader.runs(kind)):
            continue
        for one in make_curves(reader, [metric], chosen, seed=seed, kind=kind):
            note = make_note([one], metric, chosen, seed)
            words = TARGET_WORDS.get(one.axis.target, one.axis.target) if kind == "annotator" else "detectors"
            title = f"{one.dataset}: {one.perturbation}, {words}"
            panels.append(Panel(title, note, image_bytes(draw([one], metric, ""), "svg")))
    return panels


def make_note(curves: Sequence[Curves], metric: str, conventions: Conventions, seed: int) -> str:
    """What the figure stands on."""
    from imlbench import __version__
    from imlbench.statistics import RESAMPLES
    from reports.robustness_figure import BAND
    from reports.robustness_notes import sample_text, target_text

    texts = [
        BAND.removesuffix(".") + f" ({RESAMPLES} resamples, seed {seed}).",
        sample_text(curves),
        *(target_text(target) for target in dict.fromkeys(one.axis.target for one in curves)),
        "Severities stand at equal steps, from mild to strong.",
        f"{conventions}; local edits only; imlbench {__version__}.",
    ]
    return " ".join(texts)


ROBUSTNESS = Report(
    Card(
        name="robustness",
        title="Robustness curves",
        version="1",
        summary="figure of a metric against the severity of each perturbation, with intervals",
        licence="Apache-2.0",
        citation="SIGMA, arXiv 2605.27924, Fig. 4",
        url="https://arxiv.org/abs/2605.27924",
    ),
    robustness,
)
