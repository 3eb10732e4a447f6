"""What the page shows, as plain data: runs with their summaries and provenance, and the frame around the rest."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from imlbench import __version__
from imlbench.detection_summaries import DETECTION_METRICS, summarise_detection
from imlbench.metrics import METRIC_VERSION, METRICS, Conventions, metric
from reports.page.lines import provenance_lines
from reports.page.rows import exact
from reports.page.samples import DETECTOR_VALUES, of_detector, result_columns, sample_columns
from reports.paper_numbers import annotator_table

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader, StoredRun
    from imlbench.statistics import Summary
    from reports.page.figures import PageFigure
    from reports.page.samples import Gallery
    from reports.page.selection import Selection

FORMAT = 1
SUMMARISED = ("f1", "iou", "precision", "recall", "mcc", "auc")
PER_SAMPLE = ("f1", "iou")


def metric_names(asked: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the metrics that are summarised, and of those shown per sample; F1 is the first of both.

    Raises:
        UserError: unknown metric.
    """
    chosen = dict.fromkeys(("f1", *(metric(name).name for name in asked or PER_SAMPLE)))
    every = {*SUMMARISED, *chosen}
    return tuple(name for name in METRICS if name in every), tuple(chosen)


def page_data(
    title: str,
    notes: Sequence[str],
    summarised: Sequence[str],
    runs: list[dict[str, Any]],
    figures: Sequence[PageFigure],
    comparisons: list[dict[str, Any]],
    gallery: Gallery,
) -> dict[str, Any]:
    """The page's data, in the shape that its script reads."""
    return {
        "format": FORMAT,
        "title": title,
        "software": f"imlbench {__version__} (metric version {METRIC_VERSION})",
        "notes": list(notes),
        "metrics": [*metric_titles(summarised), *detection_titles(runs), *sample_titles(gallery)],
        "runs": runs,
        "figures": [
            {"title": figure.title, "caption": figure.caption, "src": data_uri(figure.svg, "image/svg+xml")}
            for figure in figures
        ],
        "comparisons": comparisons,
        "samples": sample_columns(gallery),
        "results": [result_columns(run, entries, gallery.metrics) for run, entries in sorted(gallery.results.items())],
    }


def metric_titles(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Metrics of localisation, as the page names them."""
    for name in names:
        yield {"name": name, "title": metric(name).title}


def detection_titles(runs: Sequence[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """The metrics that only detectors have, as far as a run has a value."""
    for name, facts in DETECTION_METRICS.items():
        if any(run["summary"].get(name) for run in runs):
            yield {"name": name, "title": facts.title}


def sample_titles(gallery: Gallery) -> Iterator[dict[str, str]]:
    """What is shown of single samples of detectors only."""
    if any(of_detector(entries) for entries in gallery.results.values()):
        yield from ({"name": name, "title": title} for name, title in DETECTOR_VALUES.items())


def data_uri(data: bytes, kind: str) -> str:
    """A file as a text that stands for its address."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def run_entries(
    reader: ResultReader, selection: Selection, metrics: Sequence[str], conventions: Conventions, seed: int
) -> list[dict[str, Any]]:
    """One entry per listed run."""
    scored = [stored.run_id for stored in selection.listed if stored.scopes.get("local")]
    summaries = reader.summarise_runs(scored, metrics, conventions, seed=seed)
    entries = []
    for stored in selection.listed:
        found = summaries.get(stored.run_id, {})
        if stored.run.kind == "detector":
            found = found | summarise_detection(reader, stored.run_id, seed)
        entries.append(run_entry(reader, stored, metrics, found))
    return entries


def run_entry(
    reader: ResultReader, stored: StoredRun, metrics: Sequence[str], summaries: dict[str, Summary]
) -> dict[str, Any]:
    """A run's facts and numbers."""
    run = stored.run
    names = [*metrics, *(DETECTION_METRICS if run.kind == "detector" else ())]
    return {
        "kind": run.kind,
        "annotator": run.adapter,
        "title": run.adapter_title,
        "dataset": run.dataset,
        "dataset_title": run.dataset_title,
        "perturbation": run.perturbation,
        "severity": None if run.severity is None else exact(run.severity),
        "target": run.target,
        "run_id": stored.run_id,
        "threshold": exact(run.threshold),
        "composited": reader.composited(stored.run_id).whole,
        "scored": stored.total("ok"),
        "failed": stored.total("failed"),
        "skipped": stored.total("skipped"),
        "summary": {name: summary_entry(summaries.get(name)) for name in names},
        "paper": paper_entry(stored, metrics),
        "provenance": provenance_lines(reader, stored),
    }


def summary_entry(summary: Summary | None) -> dict[str, float | int | None] | None:
    """A summary as fractions, None where no sample has a value."""
    if summary is None or not summary.n or not math.isfinite(summary.mean):
        return None
    spread = {name: exact(getattr(summary, name)) for name in ("mean", "stderr", "low", "high")}
    return {**spread, "n": summary.n}


def paper_entry(stored: StoredRun, metrics: Sequence[str]) -> dict[str, float]:
    """The published numbers of a clean run, in per cent."""
    run = stored.run
    if run.perturbation or run.kind != "annotator":
        return {}
    numbers = {name: annotator_table().number(run.adapter_title, run.paper_dataset, name) for name in metrics}
    return {name: number for name, number in numbers.items() if number is not None}
