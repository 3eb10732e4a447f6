"""What a reader must know to trust a robustness table or figure, as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reports import footer, markup
from reports.grid import Line
from reports.robustness_runs import severity_text

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader, StoredRun
    from reports.robustness_data import Curves, Series

AREA = "Area"
"""Heading of the area under the curve; "AUC" is the name of a metric."""
TARGETS = {
    "edited": "Target edited: the edited image alone is perturbed, its original and its mask stay as they are.",
    "both": "Target both: edited image and original are perturbed, noise being drawn for each; masks stay as they are.",
}
DROP = (
    "In parentheses the drop: value minus the clean value of the same samples, in percentage points; negative = worse. "
    "Mean drop: mean over the severities."
)
AREA_NOTE = (
    f"{AREA}: area under the curve of the value over the severities by the trapezoid rule; clean is the first point, "
    "each severity stands one equal step further, and the width is one: the curve's mean height, 100 = perfect "
    "throughout."
)
PAIRED = (
    "A row stands on the samples that were scored under each of its conditions; drops and areas are computed per "
    "sample and then averaged."
)


def make_notes(
    reader: ResultReader,
    curves: Sequence[Curves],
    metrics: Sequence[str],
    conventions: Conventions,
    interval_seed: int | None,
) -> Iterator[str]:
    """The footer of the table.

    Args:
        reader: the results.
        curves: what the table shows.
        metrics: names.
        conventions: of the metrics.
        interval_seed: of the bootstrap; None where no interval is shown.
    """
    yield DROP
    yield AREA_NOTE
    yield PAIRED
    yield from footer.convention_notes(conventions, metrics)
    if interval_seed is not None:
        yield footer.interval_note(conventions, interval_seed)
    yield from map(target_text, dict.fromkeys(one.axis.target for one in curves))
    for one in curves:
        yield from curve_notes(one)
    yield from composited_notes(reader, curves)
    runs = list({run.run_id: run for one in curves for series in one.series for run in series.sweep.runs}.values())
    yield from seed_notes(runs)
    yield footer.software_note(reader, runs)


def target_text(target: str) -> str:
    """Which images are perturbed."""
    return TARGETS.get(target, f"Target {target}.")


def sample_text(curves: Sequence[Curves]) -> str:
    """How many samples the lines of a figure stand on."""
    n = footer.span([len(series.ids) for one in curves for series in one.series])
    return f"n = {n} samples, those scored under every condition of a line."


def title(curves: Curves) -> str:
    """Dataset, perturbation and target."""
    return f"{curves.dataset}, {curves.perturbation} ({curves.axis.target})"


def curve_notes(curves: Curves) -> Iterator[str]:
    """Samples, what was left out and why, and what does not compare."""
    conditions = list(labelled_runs(curves))
    texts = [f"{title(curves)}: n = {footer.span([len(series.ids) for series in curves.series])}"]
    for status in ("skipped", "failed"):
        runs = [run for _, run in conditions]
        reasons = sorted({reason for run in runs for found, reason in run.statuses if found == status})
        counts = [f"{reason or 'unknown'} {footer.by_row(conditions, status, reason)}" for reason in reasons]
        texts.append(f"{status}: {', '.join(counts) or 'none'}")
    if curves.definition:
        texts.append(curves.definition)
    yield "; ".join(texts) + "."
    if len({series.ids for series in curves.series}) > 1:
        yield f"Warning: the rows of {title(curves)} stand on different samples and are not comparable."
    if not all(map(curves.complete, curves.series)):
        yield f"{markup.DAGGER} {title(curves)}: fewer severities than other rows: mean drop and area do not compare."
    for series in curves.series:
        yield from series_notes(series, f"{series.sweep.annotator} on {title(curves)}")


def labelled_runs(curves: Curves) -> Iterator[tuple[Line, StoredRun]]:
    """Every run with the annotator and the condition as its label."""
    for series in curves.series:
        sweep = series.sweep
        conditions = ["clean"] * (sweep.clean is not None) + [severity_text(severity) for severity, _ in sweep.steps]
        for condition, run in zip(conditions, sweep.runs, strict=True):
            yield Line(("own", run.run_id), f"{sweep.annotator} at {condition}"), run


def series_notes(series: Series, name: str) -> Iterator[str]:
    """What is particular about one row."""
    sweep = series.sweep
    if len(series.ids) < series.scored:
        yield (
            f"Warning: {name}: {len(series.ids)} of up to {series.scored} samples were scored, with the same content, "
            "under every condition; the others are left out."
        )
    if sweep.clean is None:
        yield f"{name}: no clean run of the same version, so no drop and no area; `imlbench annotate-eval` makes one."
    if sweep.unscored:
        severities = ", ".join(map(severity_text, sweep.unscored))
        yield f"{name}: no sample with a local edit was scored at {severities}; left out."
    if sweep.passed_over:
        yield f"{name}: the newest run of each severity is shown; {sweep.passed_over} other runs are not."


def composited_notes(reader: ResultReader, curves: Sequence[Curves]) -> Iterator[str]:
    """Datasets whose clean numbers say little."""
    # The measure belongs to the unperturbed pairs, so any of the dataset's runs tells it.
    runs = {one.dataset: one.series[0].sweep.runs[0].run_id for one in curves}
    found = [dataset for dataset, run_id in runs.items() if reader.composited(run_id).whole]
    if found:
        yield f"Composited ({', '.join(found)}): {footer.COMPOSITED}."


def seed_notes(runs: Sequence[StoredRun]) -> Iterator[str]:
    """Seeds of what was drawn, where anything was."""
    seeds = {json.loads(run.run.identity).get("seed") for run in runs} - {None}
    if seeds:
        yield f"Perturbations that draw numbers: seed {', '.join(map(str, sorted(seeds)))}."
