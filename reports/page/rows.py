"""Reading what a run says of each sample, failures and skips included, with its values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imlbench.metrics import Conventions, metric, sample_values
from imlbench.results.frames import COUNT_COLUMNS, TABLE_COLUMNS, HistogramMemo, count_table

if TYPE_CHECKING:
    from imlbench.metrics import Values
    from imlbench.results.reading import ResultReader

PAGE_ROWS = 512
"""Rows read at once."""
FACTS = (
    "sample_id", "sample_key", "status", "reason", "message", "scope", "width", "height", "edited_pixels",
    "outside_difference", "instruction", "tags", "notes", "image_score",
)  # fmt: skip


class Row(NamedTuple):
    """What one run says of one sample; the fields up to `image_score`, which only detectors have, are `FACTS`."""

    sample_id: str
    sample_key: int
    status: str
    reason: str
    message: str
    scope: str
    width: int | None
    height: int | None
    edited_pixels: int | None
    outside_difference: int | None
    instruction: str | None
    tags: str
    notes: str
    image_score: float | None
    values: tuple[float | None, ...]
    false_alarms: float | None = None


def read_rows(
    reader: ResultReader, run_id: str, metrics: Sequence[str], conventions: Conventions, memo: HistogramMemo
) -> Iterator[Row]:
    """All samples of a run, failures and skips included, in the order of their ids."""
    counts = ", ".join(TABLE_COLUMNS if needs_histograms(metrics) else (*TABLE_COLUMNS[:-1], "NULL"))
    facts = ", ".join(f"counts.{name}" if name.startswith("sample_") else name for name in FACTS)
    statement = (
        f"SELECT {facts}, {counts} FROM counts JOIN samples USING (sample_key) "
        "WHERE run_id = ? AND counts.sample_id > ? ORDER BY counts.sample_id LIMIT ?"
    )
    last, page = "", 0
    while found := reader.query(statement, run_id, last, PAGE_ROWS):
        values = iter(page_values(page, [row for row in found if row[2] == "ok"], metrics, conventions, memo))
        for row in found:
            numbers = next(values) if row[2] == "ok" else []
            shown = tuple(short(number) for number in numbers)
            yield Row._make((*row[: len(FACTS)], shown, marked_untouched(row)))
        last, page = found[-1][0], page + 1


def marked_untouched(row: tuple[Any, ...]) -> float | None:
    """Share of a sample's untouched pixels that is marked; None where all are edited, or nothing was scored."""
    fp, tn = (row[len(FACTS) + COUNT_COLUMNS.index(name)] for name in ("fp", "tn"))
    return short(fp / (fp + tn)) if row[2] == "ok" and fp + tn else None


def needs_histograms(metrics: Sequence[str]) -> bool:
    """Whether a metric follows from histograms, which cost most of the reading."""
    return any(metric(name).soft for name in metrics)


def page_values(
    page: int, scored: list[tuple[Any, ...]], metrics: Sequence[str], conventions: Conventions, memo: HistogramMemo
) -> Values:
    """Values of scored rows: n x m."""
    rows = [(row[0], *row[len(FACTS) :]) for row in scored]
    if not rows:
        return np.empty((0, len(metrics)))
    if needs_histograms(metrics):
        return memo.values(page, rows, metrics, conventions)
    table = count_table(rows, start=1, bins=0)
    return np.stack([sample_values(table, name, conventions) for name in metrics], axis=1)


def short(number: float) -> float | None:
    """Five significant digits, which keep the page small; None for NaN."""
    return float(f"{number:.5g}") if math.isfinite(number) else None


def exact(number: float) -> float | None:
    """Eight significant digits; None for NaN and infinity."""
    return float(f"{number:.8g}") if math.isfinite(number) else None
