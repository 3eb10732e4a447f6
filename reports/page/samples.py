"""The gallery's data: samples as columns, and what each run says of each of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imlbench.metrics import Conventions
from imlbench.results.frames import HistogramMemo
from reports.page.rows import Row, read_rows, short
from reports.page.selection import Pick, Selection, pick_samples

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader, StoredRun


DETECTOR_VALUES = {"false_alarms": "False alarms", "image_score": "Image score"}
"""What is shown of each sample of a detector's run beside the metrics, with titles."""


@dataclass(slots=True)
class Shown:
    """A sample of the gallery.

    Attributes:
        dataset: label.
        facts: the row that its facts come from: that of the newest run which scored it, else of the newest run.
        run: the run of that row; its pictures are loaded in this run's name.
        original: src of the picture, None where there is none. Likewise edited and mask.
        problem: why pictures are missing, empty if none is.
        reason: class of the problem.
    """

    dataset: str
    facts: Row
    run: StoredRun
    original: str | None = None
    edited: str | None = None
    mask: str | None = None
    problem: str = ""
    reason: str = ""


@dataclass(slots=True)
class Entry:
    """What a run says of a sample of the gallery: its row, and the picture of its score map."""

    sample: int
    row: Row
    map: str | None = None
    problem: str = ""
    reason: str = ""


@dataclass(slots=True)
class Gallery:
    """All samples and results of the gallery.

    Attributes:
        metrics: names of the values.
        samples: by dataset, then id.
        results: by index of the run, its entries in the order of the samples.
        left_out: number of samples by dataset that a limit left out.
    """

    metrics: tuple[str, ...]
    samples: list[Shown] = field(default_factory=list)
    results: dict[int, list[Entry]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def indexes(self, dataset: str) -> dict[str, int]:
        """Index of each sample of a dataset by its id."""
        pairs = ((shown.facts.sample_id, index) for index, shown in enumerate(self.samples) if shown.dataset == dataset)
        return dict(pairs)


def make_gallery(
    reader: ResultReader,
    selection: Selection,
    metrics: Sequence[str],
    conventions: Conventions,
    limit: int | None = None,
    pick: Pick = Pick.WORST,
    seed: int = 0,
) -> Gallery:
    """Read the gallery's samples and values; no image is touched.

    Args:
        reader: the results.
        selection: the runs.
        metrics: names, F1 first: it decides which samples are worst.
        conventions: of the metrics.
        limit: samples per dataset at most, None = all.
        pick: which samples where there are more.
        seed: of a random pick.
    """
    gallery = Gallery(tuple(metrics))
    memo = HistogramMemo()
    for dataset in selection.datasets():
        runs = {index: selection.listed[index] for index in selection.gallery}
        runs = {index: stored for index, stored in runs.items() if stored.run.dataset == dataset}
        rows = {
            index: {row.sample_id: row for row in read_rows(reader, stored.run_id, metrics, conventions, memo)}
            for index, stored in runs.items()
        }
        scores = {name: mean_score(rows, name) for name in set().union(*rows.values())}
        chosen = sorted(pick_samples(scores, limit, pick, seed))
        gallery.left_out[dataset] = len(scores) - len(chosen)
        add_samples(gallery, dataset, runs, rows, chosen)
    return gallery


def add_samples(
    gallery: Gallery,
    dataset: str,
    runs: dict[int, StoredRun],
    rows: dict[int, dict[str, Row]],
    chosen: Sequence[str],
) -> None:
    """Append a dataset's samples, and the results that its runs have of them."""
    newest_first = sorted(runs, key=lambda index: runs[index].recorded, reverse=True)
    gallery.results.update({index: [] for index in runs})
    for name in chosen:
        holders = [index for index in newest_first if name in rows[index]]
        source = next((index for index in holders if rows[index][name].status == "ok"), holders[0])
        for index in sorted(holders):
            gallery.results[index].append(Entry(len(gallery.samples), rows[index][name]))
        gallery.samples.append(Shown(dataset, rows[source][name], runs[source]))


def mean_score(rows: dict[int, dict[str, Row]], name: str) -> float:
    """Mean of a sample's first metric over the runs that have a value, NaN where none has."""
    values = [found[name].values[0] for found in rows.values() if name in found and found[name].values]
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else math.nan


def sample_columns(gallery: Gallery) -> dict[str, list[Any]]:
    """The samples as the page's columns."""
    facts = [shown.facts for shown in gallery.samples]
    return {
        "id": [row.sample_id for row in facts],
        "dataset": [shown.dataset for shown in gallery.samples],
        "scope": [row.scope for row in facts],
        "width": [row.width for row in facts],
        "height": [row.height for row in facts],
        "area": [area(row) for row in facts],
        "outside": [row.outside_difference for row in facts],
        "instruction": [row.instruction for row in facts],
        "tags": [{str(name): str(value) for name, value in json.loads(row.tags).items()} for row in facts],
        "notes": [[str(note) for note in json.loads(row.notes)] for row in facts],
        "original": [shown.original for shown in gallery.samples],
        "edited": [shown.edited for shown in gallery.samples],
        "mask": [shown.mask for shown in gallery.samples],
        "problem": [shown.problem for shown in gallery.samples],
    }


def area(row: Row) -> float | None:
    """Edited share of the image, None where the image was never decoded."""
    if row.edited_pixels is None or not row.width or not row.height:
        return None
    return short(row.edited_pixels / (row.width * row.height))


def result_columns(run: int, entries: Sequence[Entry], metrics: Sequence[str]) -> dict[str, Any]:
    """One run's results as the page's columns."""
    numbers = [entry.row.values or (None,) * len(metrics) for entry in entries]
    values = {name: [one[column] for one in numbers] for column, name in enumerate(metrics)}
    if of_detector(entries):
        values["false_alarms"] = [entry.row.false_alarms for entry in entries]
        values["image_score"] = [entry.row.image_score for entry in entries]
    return {
        "run": run,
        "sample": [entry.sample for entry in entries],
        "status": [entry.row.status for entry in entries],
        "reason": [entry.row.reason for entry in entries],
        "message": [entry.row.message for entry in entries],
        "values": values,
        "map": [entry.map for entry in entries],
        "map_problem": [entry.problem for entry in entries],
    }


def of_detector(entries: Sequence[Entry]) -> bool:
    """Whether results are a detector's, which alone scores images as a whole."""
    return any(entry.row.image_score is not None for entry in entries)
