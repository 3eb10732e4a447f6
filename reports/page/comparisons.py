"""Pairs of runs on the page: their paired difference, and the samples that changed most."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line
from reports.page.rows import exact, short

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.page.samples import Gallery
    from reports.page.selection import Selection

COMPARED = ("f1", "iou")
MOST_COMPARED = 10
"""Runs of a dataset that are compared with one another: 45 pairs."""
CHANGED = 10


def compare_newest(
    reader: ResultReader,
    selection: Selection,
    runs: Sequence[dict[str, Any]],
    gallery: Gallery,
    conventions: Conventions,
    seed: int,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Pairs of the newest clean runs of each dataset, the best ones by mean F1; and notes on what is not compared."""
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    if conventions.average != "image":
        return found, ["No comparisons: they pair samples, which average=pixel pools."]
    for dataset in selection.datasets():
        ranked = ranked_runs(selection, runs, dataset)
        compared = sorted(ranked[:MOST_COMPARED])
        if len(ranked) > MOST_COMPARED:
            title = runs[ranked[0]]["dataset_title"]
            notes.append(f"{title}: the {MOST_COMPARED} runs with the highest F1 are compared, of {len(ranked)}.")
        indexes = gallery.indexes(dataset)
        for first, second in ((a, b) for a in compared for b in compared if a < b):
            try:
                found.append(compare_pair(reader, selection, (first, second), indexes, conventions, seed))
            except UserError as error:
                names = " and ".join(str(runs[index]["title"]) for index in (first, second))
                notes.append(one_line(f"{names} on {runs[first]['dataset_title']}: not compared: {error}."))
    return found, notes


def ranked_runs(selection: Selection, runs: Sequence[dict[str, Any]], dataset: str) -> list[int]:
    """The newest clean runs of a dataset that have a mean F1, the best first."""
    means = {
        index: runs[index]["summary"]["f1"]["mean"]
        for index in selection.newest
        if runs[index]["dataset"] == dataset and runs[index]["summary"]["f1"] is not None
    }
    return sorted(means, key=lambda index: (-means[index], index))


def compare_pair(
    reader: ResultReader,
    selection: Selection,
    pair: tuple[int, int],
    indexes: dict[str, int],
    conventions: Conventions,
    seed: int,
) -> dict[str, Any]:
    """Two runs; of the samples that changed most, those that the gallery shows.

    Raises:
        UserError: they share no sample, or are of different metric versions.
    """
    from imlbench.comparison import compare_runs

    a, b = (selection.listed[index] for index in pair)
    # Where the gallery leaves samples out, those that changed most may be among them.
    compared = compare_runs(reader, a, b, COMPARED, conventions, seed, changed=sys.maxsize)
    shown = (one for one in compared.changed if one.sample_id in indexes)
    changed = [
        {"sample": indexes[one.sample_id], "a": short(one.a), "b": short(one.b)} for one in islice(shown, CHANGED)
    ]
    differences = {
        name: {"difference": exact(summary.mean), "low": exact(summary.low), "high": exact(summary.high)}
        for name, summary in compared.differences.items()
    }
    return {"a": pair[0], "b": pair[1], "n": compared.n, "metrics": differences, "changed": changed}
