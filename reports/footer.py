"""What a reader must know to trust a table: the notes below it, as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imlbench import __version__, registry
from imlbench.errors import UserError

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader, StoredRun
    from reports.grid import Grid, Line

COMPOSITED = (
    "pixels outside the mask are identical to the original's, up to one grey level, in every pair that was scored; "
    "a threshold of 1 on the largest channel difference solves such a set, so a high number on it says little"
)
EMPTY = {
    "one": "counts as 1 where neither truth nor prediction marks a pixel",
    "zero": "counts as 0 where neither truth nor prediction marks a pixel",
    "skip": "samples where neither truth nor prediction marks a pixel are left out",
}
AVERAGE = {"image": "mean of the samples' values", "pixel": "value of the pooled counts"}
INVERT = {"never": "maps are taken as they are", "best": "the better of a map and its inverse, per sample"}


def convention_notes(conventions: Conventions, metrics: Sequence[str]) -> Iterator[str]:
    """The conventions by name, the rules that always hold, and what the metrics' names do not say."""
    from imlbench.metrics import metric

    yield (
        f"Conventions: empty={conventions.empty} ({EMPTY[conventions.empty]}), "
        f"average={conventions.average} ({AVERAGE[conventions.average]}), "
        f"invert={conventions.invert} ({INVERT[conventions.invert]})."
    )
    yield (
        "In per cent; higher is better. A pixel counts as edited where its score >= the annotator's threshold. "
        "Only local edits are averaged; whole-image and authentic samples are counted apart."
    )
    for name in metrics:
        chosen = metric(name)
        if chosen.note:
            yield f"{chosen.title}: {chosen.note}."


def interval_note(conventions: Conventions, seed: int) -> str:
    """How the uncertainty was computed."""
    from imlbench.statistics import RESAMPLES

    kind = "of the mean over samples" if conventions.average == "image" else "from the bootstrap"
    return (
        f"± standard error {kind}; [ ] 95 % percentile bootstrap interval over samples, {RESAMPLES} resamples, "
        f"seed {seed}."
    )


def dataset_note(reader: ResultReader, column: Line, runs: Sequence[tuple[Line, StoredRun]]) -> Iterator[str]:
    """How many samples a column stands on, and what was left out, and why."""
    scored = [run.scopes.get("local", 0) for _, run in runs]
    known = published(runs[0][1].run.dataset)
    texts = [f"{column.label}: {span(scored)} samples scored" + (f" ({known} published)" if known else "")]
    for status in ("skipped", "failed"):
        reasons = sorted({reason for _, run in runs for found, reason in run.statuses if found == status})
        counts = [f"{reason or 'unknown'} {by_row(runs, status, reason)}" for reason in reasons]
        texts.append(f"{status}: {', '.join(counts) or 'none'}")
    for scope in ("whole-image", "authentic"):
        apart = [run.scopes.get(scope, 0) for _, run in runs]
        if any(apart):
            texts.append(f"{scope}, counted apart: {span(apart)}")
    yield "; ".join(texts) + "."
    if len({reader.fingerprint(run.run_id) for _, run in runs}) > 1:
        yield (
            f"Warning: the rows of {column.label} were computed on different samples or different files and are not "
            "comparable; run the command again with the same selection for all of them."
        )


def published(label: str) -> int | None:
    """Number of samples that a dataset's authors publish; None where unknown or the dataset is not installed."""
    name, _, variant = label.partition(":")
    if name not in registry.names("datasets"):
        return None
    try:
        card = registry.resolve("datasets", name).load().card
    except UserError:
        # A report needs no dataset: one whose package is broken must not hide its results.
        return None
    count: int | None = card.published.get(variant or card.default_variant)
    return count


def by_row(runs: Sequence[tuple[Line, StoredRun]], status: str, reason: str) -> str:
    """The number of samples with a status and reason; where the rows differ, whose it is."""
    counts = {row.label: run.statuses.get((status, reason), 0) for row, run in runs}
    if len(set(counts.values())) == 1:
        return str(next(iter(counts.values())))
    return "(" + ", ".join(f"{label} {count}" for label, count in counts.items() if count) + ")"


def span(counts: Sequence[int]) -> str:
    """One number, or the smallest and the largest."""
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)}-{max(counts)}"


def composited_columns(reader: ResultReader, grid: Grid) -> frozenset[Line]:
    """Columns all of whose measured pairs are identical outside the mask."""
    found = set()
    for column in grid.columns:
        measured = [reader.composited(run.run_id) for _, run in grid.column_runs(column)]
        known = [one for one in measured if one.known]
        if known and all(one.whole for one in known):
            found.add(column)
    return frozenset(found)


def choice_notes(grid: Grid) -> Iterator[str]:
    """Cells that several runs could fill, and cells whose run scored nothing."""
    for row in grid.rows:
        for column in grid.columns:
            runs = grid.runs.get((row.key, column.key), ())
            if len(runs) > 1:
                yield (
                    f"{row.label} on {column.label}: {len(runs)} runs of different versions or settings; the newest "
                    f"is shown ({runs[0].run_id})."
                )
            if runs and not runs[0].scopes.get("local"):
                yield f"{row.label} on {column.label}: the run {runs[0].run_id} scored no sample with a local edit."


def software_note(reader: ResultReader, runs: Sequence[StoredRun]) -> str:
    """Versions that counted, and the version that made the table."""
    from imlbench.metrics import METRIC_VERSION

    counted = {str(entry.get("imlbench", "?")) for run in runs for entry in reader.provenance(run.run_id)}
    metrics = {str(json.loads(run.run.identity).get("metric_version", "?")) for run in runs}
    return (
        f"Counted by imlbench {', '.join(sorted(counted)) or '?'} (metric version {', '.join(sorted(metrics))}); "
        f"table made by imlbench {__version__} (metric version {METRIC_VERSION})."
    )
