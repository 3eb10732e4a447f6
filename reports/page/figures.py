"""The page's figures, as SVG: robustness where runs are perturbed, F1 against the threshold where scores are soft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from imlbench.errors import UserError, one_line
from imlbench.results.reading import ResultReader

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import StoredRun
    from reports.curves import Curve
    from reports.page.selection import Selection

MOST_CURVES = 7
"""As many as there are colours."""
HIGHEST_LEVEL = 100


class PageFigure(NamedTuple):
    """A figure.

    Attributes:
        title: above it.
        caption: below it, plain text.
        svg: the drawing.
    """

    title: str
    caption: str
    svg: bytes


class ListedRuns(ResultReader):
    """The results as if they held the page's runs only, for figures that read all runs there are."""

    def __init__(self, reader: ResultReader, selection: Selection) -> None:
        super().__init__(reader.path)
        self._listed = {stored.run_id for stored in selection.listed}

    def runs(self, kind: str | None = None) -> list[StoredRun]:
        """The runs of the page."""
        return [stored for stored in super().runs(kind) if stored.run_id in self._listed]


def page_figures(
    reader: ResultReader, selection: Selection, conventions: Conventions, seed: int
) -> tuple[list[PageFigure], list[str]]:
    """The figures that the results allow, and notes on those that they do not allow."""
    figures: list[PageFigure] = []
    notes: list[str] = []
    if any(stored.run.perturbation for stored in selection.listed):
        from reports.robustness import robustness_panels

        try:
            with ListedRuns(reader, selection) as listed:
                panels = robustness_panels(listed, "f1", conventions, seed)
            figures += [PageFigure(panel.title, panel.caption, panel.svg) for panel in panels]
        except UserError as error:
            notes.append(f"No robustness curves: {one_line(error)}.")
    figures += sweep_figure(reader, selection, conventions)
    return figures, notes


def sweep_figure(reader: ResultReader, selection: Selection, conventions: Conventions) -> Iterator[PageFigure]:
    """One figure of F1 against the threshold for the soft score maps, where there are any."""
    runs = [selection.listed[index] for index in selection.newest]
    soft = [stored for stored in runs if stored.run.soft and stored.scopes.get("local")]
    drawn, left_out = sweep_curves(reader, soft, conventions)
    if not drawn:
        return
    from imlbench import __version__
    from reports.figures import image_bytes
    from reports.sweep_figure import draw

    highest = max(HIGHEST_LEVEL, *(curve.oracle for curve in drawn))
    note = f"imlbench {__version__}; {conventions}; samples with a local edit only. Paper: arXiv 2605.27924, Table 1."
    caption = "Mean F1 over samples at every threshold, from stored histograms; the threshold is a score bin, 0 to 255."
    if left_out:
        caption += f" Not drawn: {', '.join(left_out)}; `imlbench report sweep --annotator NAME` draws them."
    yield PageFigure("F1 against the threshold", caption, image_bytes(draw(drawn, highest, note), "svg"))


def sweep_curves(
    reader: ResultReader, runs: list[StoredRun], conventions: Conventions
) -> tuple[list[Curve], list[str]]:
    """The curves of as many annotators as the colours suffice for, PixDiff's first; names of the others."""
    from reports.curves import FAMILY_TITLE, best_runs, make_curve

    found = [make_curve(reader, stored, conventions.empty) for stored in best_runs(runs)]
    by_annotator: dict[str, list[Curve]] = {}
    for curve in found:
        if curve is not None:
            by_annotator.setdefault(curve.annotator, []).append(curve)
    drawn: list[Curve] = []
    left_out: list[str] = []
    for name in sorted(by_annotator, key=lambda name: name != FAMILY_TITLE):
        if drawn and len(drawn) + len(by_annotator[name]) > MOST_CURVES:
            left_out.append(name)
        else:
            drawn += by_annotator[name]
    return drawn, left_out
