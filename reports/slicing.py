"""Splits the samples of a run by a tag or by the size of the edited area."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from imlbench.errors import UserError, one_line
from imlbench.metrics import Conventions, CountTable, sample_values
from imlbench.registry import natural_key
from imlbench.statistics import Summary, summarise_pooled, summarise_values

if TYPE_CHECKING:
    from imlbench.metrics import Values
    from imlbench.results.reading import ResultReader, StoredRun

MASK_AREA = "mask-area"
AREA_EDGES = (0.01, 0.05, 0.10, 0.25, 0.50)
AREA_LABELS = ("< 1 %", "1-5 %", "5-10 %", "10-25 %", "25-50 %", ">= 50 %")
"""Share of the image that is edited; a bin holds its lower end."""
UNTAGGED = "(none)"


@dataclass(frozen=True, slots=True)
class Slice:
    """The samples of a run that share a value.

    Attributes:
        run: the run.
        value: the tag's value, the area's bin, or "(none)".
        samples: number of samples.
        summaries: by metric.
    """

    run: StoredRun
    value: str
    samples: int
    summaries: dict[str, Summary]


def check_by(reader: ResultReader, by: str) -> None:
    """Refuse what no sample can be sliced by.

    Raises:
        UserError: no sample has this tag; the message names those that exist.
    """
    tags = [row[0] for row in reader.query("SELECT DISTINCT key FROM samples, json_each(samples.tags)")]
    if by != MASK_AREA and by not in tags:
        known = ", ".join([MASK_AREA, *(one_line(tag, 40) for tag in sorted(tags, key=natural_key))])
        raise UserError(f"no sample has the tag {one_line(by, 80)!r}; slices exist by {known}")


def slice_value(facts: dict[str, Any], by: str) -> str:
    """The value under which a sample falls."""
    if by != MASK_AREA:
        value = facts["tags"].get(by)
        return UNTAGGED if value in (None, "") else str(value)
    pixels = (facts["width"] or 0) * (facts["height"] or 0)
    if not pixels or facts["edited_pixels"] is None:
        return UNTAGGED
    return AREA_LABELS[bisect_right(AREA_EDGES, facts["edited_pixels"] / pixels)]


def slices(
    reader: ResultReader, run: StoredRun, by: str, metrics: Sequence[str], conventions: Conventions, seed: int
) -> list[Slice]:
    """The slices of a run: areas from small to large, tags in natural order, samples without the tag last.

    Histograms are kept in memory for pooled counts only, 4 KiB a sample; else values alone.
    """
    groups: dict[str, Group] = {}
    for chunk in reader.chunks(run.run_id):
        found = np.array([slice_value(facts, by) for facts in chunk.facts], dtype=object)
        for value in set(found):
            group = groups.setdefault(value, Group(metrics, conventions, seed))
            group.add(rows_of(chunk.table, np.flatnonzero(found == value)))
    return [
        Slice(run, value, groups[value].samples, dict(zip(metrics, groups[value].summaries(), strict=True)))
        for value in sorted(groups, key=order)
    ]


class Group:
    """Gathers the samples of a slice.

    Args:
        metrics: names.
        conventions: of the metrics.
        seed: of the bootstrap.
    """

    def __init__(self, metrics: Sequence[str], conventions: Conventions, seed: int) -> None:
        self.metrics = metrics
        self.conventions = conventions
        self.seed = seed
        self.samples = 0
        self._tables: list[CountTable] = []
        self._values: list[Values] = []

    def add(self, table: CountTable) -> None:
        """Take in some samples."""
        self.samples += len(table)
        if self.conventions.average == "pixel":
            self._tables.append(table)
        else:
            values = [sample_values(table, name, self.conventions) for name in self.metrics]
            self._values.append(np.stack(values, axis=1))

    def summaries(self) -> list[Summary]:
        """One per metric."""
        if self.conventions.average == "pixel":
            return summarise_pooled(joined(self._tables), self.metrics, self.conventions, self.seed)
        return summarise_values(np.concatenate(self._values), self.seed)


def order(value: str) -> tuple[bool, int, list[tuple[int, int, str]]]:
    """Sort key of a slice's value."""
    return value == UNTAGGED, AREA_LABELS.index(value) if value in AREA_LABELS else -1, natural_key(value)


def rows_of(table: CountTable, rows: Any) -> CountTable:
    """Some samples of a table."""
    return CountTable(*(getattr(table, field.name)[rows] for field in fields(CountTable)))


def joined(tables: Sequence[CountTable]) -> CountTable:
    """Tables one below another."""
    names = [field.name for field in fields(CountTable)]
    return CountTable(*(np.concatenate([getattr(table, name) for table in tables]) for name in names))
