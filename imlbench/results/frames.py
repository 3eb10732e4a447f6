"""From rows of the results file to counts, values and frames."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imlbench.histograms import BINS
from imlbench.metrics import Conventions, CountTable, metric, sample_values
from imlbench.results.records import Run, unpack_histogram

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BOUNDARY_COLUMNS = ("boundary_predicted", "boundary_predicted_matched", "boundary_true", "boundary_true_matched")
COUNT_COLUMNS = ("tp", "fp", "fn", "tn")
TABLE_COLUMNS = (*COUNT_COLUMNS, *BOUNDARY_COLUMNS, "histogram")
FACT_COLUMNS = ("sample_id", "scope", "width", "height", "edited_pixels", "outside_difference", "instruction", "tags")
FRAME_COLUMNS = ("run_id", "dataset", "adapter", "perturbation", "severity", *FACT_COLUMNS[:-1], "mask_area")


class Chunk(NamedTuple):
    """Some scored samples of a run, in the order of their ids.

    Attributes:
        facts: one dictionary per sample: the columns `FACT_COLUMNS`, with `tags` decoded.
        table: their counts.
    """

    facts: list[dict[str, Any]]
    table: CountTable


def stored_run(values: Sequence[Any]) -> Run:
    """A run from its columns."""
    run = dict(zip((field.name for field in fields(Run)), values, strict=True))
    return Run(**{**run, "soft": bool(run["soft"])})


def decoded_facts(row: Sequence[Any]) -> dict[str, Any]:
    """The facts of a row of `chunks`."""
    facts = dict(zip(FACT_COLUMNS, row, strict=False))
    facts["tags"] = json.loads(facts["tags"])
    return facts


def count_table(rows: Sequence[Sequence[Any]], start: int, bins: int = BINS) -> CountTable:
    """Counts from rows that hold `TABLE_COLUMNS` from column `start` on.

    Args:
        rows: of the results file.
        start: column of the first count.
        bins: 256; or 2 where all rows are hard decisions, whose scores are 0 and 1; or 0 to leave histograms out.
    """
    columns = list(zip(*rows, strict=True))[start : start + 8] or [()] * 8
    tp, fp, fn, tn = np.array(columns[:4], dtype=np.int64)
    boundary = [known_or_not(column) for column in columns[4:]]
    unpacked = np.empty((len(rows), 2, bins), dtype=np.int64)
    if bins == BINS:
        for index, row in enumerate(rows):
            unpacked[index] = unpack_histogram(row[-1], *row[start : start + 4])
    elif bins == 2:
        unpacked[:] = np.stack([tn, fp, fn, tp], axis=1).reshape(-1, 2, 2)
    return CountTable(tp, fp, fn, tn, unpacked, np.stack(boundary, axis=1))


def known_or_not(column: Sequence[int | None]) -> NDArray[np.int64]:
    """A column of counts; -1 where it is NULL, which means not computed, as nearly always for all of its rows."""
    if column.count(None) == len(column):
        return np.full(len(column), -1)
    return np.array([-1 if value is None else value for value in column], dtype=np.int64)


class HistogramMemo:
    """Values that follow from histograms alone, reused while one run after the other has the same histograms.

    The fixed rows of PixDiff differ in their threshold only; unpacking their histograms is what a summary costs.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[bytes, dict[str, NDArray[np.float64]]]] = {}

    def values(
        self, chunk: int, rows: Sequence[Sequence[Any]], metrics: Sequence[str], conventions: Conventions
    ) -> NDArray[np.float64]:
        """Values of the chunk-th rows, which hold the id and then `TABLE_COLUMNS`: n x m."""
        blobs = [row[-1] for row in rows]
        if all(blob is None for blob in blobs):
            table = count_table(rows, start=1, bins=2)
            return np.stack([sample_values(table, name, conventions) for name in metrics], axis=1)
        # A row without a blob is a hard decision; its histogram follows from its own counts.
        digest = b"" if None in blobs else hashlib.sha256(b"".join(blobs)).digest()
        known, soft = self._known.get(chunk, (b"", {}))
        reusable = known == digest != b""
        table = count_table(rows, start=1, bins=0 if reusable else BINS)
        if not reusable:
            soft = {name: sample_values(table, name, conventions) for name in metrics if metric(name).soft}
            self._known[chunk] = (digest, soft)
        columns = [soft[name] if name in soft else sample_values(table, name, conventions) for name in metrics]
        return np.stack(columns, axis=1)


def chunk_frame(run: Run, chunk: Chunk, metrics: Sequence[str], conventions: Conventions) -> pd.DataFrame:
    """Frame of one chunk; tags become columns named "tag:NAME"."""
    import pandas as pd

    facts = pd.DataFrame([{name: row[name] for name in FACT_COLUMNS[:-1]} for row in chunk.facts])
    facts["mask_area"] = facts["edited_pixels"] / (facts["width"] * facts["height"])
    head = {"run_id": run.run_id, "dataset": run.dataset, "adapter": run.adapter, "perturbation": run.perturbation}
    head["severity"] = np.nan if run.severity is None else run.severity  # type: ignore[assignment]
    counts = pd.DataFrame({name: getattr(chunk.table, name) for name in COUNT_COLUMNS})
    values = pd.DataFrame({name: sample_values(chunk.table, name, conventions) for name in metrics})
    tags = pd.DataFrame([{f"tag:{name}": value for name, value in row["tags"].items()} for row in chunk.facts])
    frame = pd.concat([facts.assign(**head), counts, values, tags], axis=1)
    return frame[[*FRAME_COLUMNS, *COUNT_COLUMNS, *metrics, *tags.columns]]
