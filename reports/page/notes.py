"""What must be known of the page's numbers: conventions, samples left out, versions; plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imlbench import __version__
from imlbench.detection_summaries import DETECTION_METRICS
from imlbench.metrics import METRIC_VERSION, Conventions
from reports import footer
from reports.grid import make_grid
from reports.paper_numbers import annotator_table

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader, StoredRun
    from reports.page.selection import Selection

SOURCE = "arXiv 2605.27924, Table 1"
OF_WHOLE_FAKES = ("marked_whole", "image_auc_whole")
"""Metrics of detectors that need whole-image fakes, of which most sets have none."""


def table_notes(
    reader: ResultReader, selection: Selection, metrics: Sequence[str], conventions: Conventions, seed: int
) -> Iterator[str]:
    """What must be known of the tables."""
    yield from footer.convention_notes(conventions, metrics)
    yield footer.interval_note(conventions, seed)
    yield f"Paper: the number of {SOURCE}, in per cent."
    if conventions != Conventions():
        yield f"Warning: the paper's numbers stand for {Conventions()}."
    newest = [selection.listed[index] for index in selection.newest]
    grid = make_grid((stored for stored in newest if stored.run.kind == "annotator"), annotator_table())
    for column in grid.columns:
        shown = grid.column_runs(column)
        if shown:
            yield from footer.dataset_note(reader, column, shown)
    yield from detector_notes(reader, [stored for stored in newest if stored.run.kind == "detector"])
    composited = footer.composited_columns(reader, grid)
    if composited:
        labels = ", ".join(column.label for column in grid.columns if column in composited)
        yield f"Composited ({labels}): {footer.COMPOSITED}."
    yield from older_notes(selection)
    yield software_note(reader, selection)


def detector_notes(reader: ResultReader, runs: Sequence[StoredRun]) -> Iterator[str]:
    """What detectors were scored on, and what the numbers mean that only they have."""
    grid = make_grid(runs, annotator_table())
    for column in grid.columns:
        shown = grid.column_runs(column)
        if shown:
            yield from (f"Detectors: {line}" for line in footer.dataset_note(reader, column, shown))
    whole = any(stored.scopes.get("whole-image") for stored in runs)
    for name, measure in DETECTION_METRICS.items() if runs else ():
        if whole or name not in OF_WHOLE_FAKES:
            yield f"{measure.title} (detectors{', lower is better' if measure.falling else ''}): {measure.note}."


def older_notes(selection: Selection) -> Iterator[str]:
    """Annotators with several clean runs on a dataset."""
    for index in selection.newest:
        run = selection.listed[index].run
        same = [
            stored
            for stored in selection.listed
            if (stored.run.kind, stored.run.adapter, stored.run.dataset) == (run.kind, run.adapter, run.dataset)
            and not stored.run.perturbation
        ]
        if len(same) > 1:
            yield (
                f"{run.adapter_title} on {run.dataset_title}: {len(same)} clean runs of different versions or "
                f"settings; all are listed, the gallery holds the newest ({run.run_id})."
            )


def software_note(reader: ResultReader, selection: Selection) -> str:
    """Versions that counted, and the version that made the page."""
    counted = {str(entry.get("imlbench")) for one in selection.listed for entry in reader.provenance(one.run_id)}
    versions = {str(json.loads(one.run.identity).get("metric_version", "?")) for one in selection.listed}
    return (
        f"Counted by imlbench {', '.join(sorted(counted)) or '?'} (metric version {', '.join(sorted(versions))}); "
        f"page made by imlbench {__version__} (metric version {METRIC_VERSION})."
    )
