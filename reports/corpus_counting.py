"""Counts over the rows of an annotated corpus, whatever its size: histograms and tallies, never the rows themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from imlbench.corpora.vocabulary import EDIT_TYPES, OTHER

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

STATUSES = ("kept", "rejected", "failed", "excluded")
SMALLEST_AREA = 1e-5
AREA_EDGES: NDArray[np.float64] = np.geomspace(SMALLEST_AREA, 1.0, 301)
"""Edges of the bins of area: sixty a decade; what is smaller counts in the first."""
QES_EDGES: NDArray[np.float64] = np.linspace(0.0, 1.0, 201)
MOST_REASONS = 64
"""Reasons that are told apart; our own are a dozen, and a file may be anybody's."""
BEYOND = "more reasons"


@dataclass(slots=True)
class Histogram:
    """How many values lie in each bin.

    Attributes:
        edges: of the bins, ascending; values beyond the ends count in the outer bins.
        counts: of each bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def on(cls, edges: NDArray[np.float64]) -> Histogram:
        """An empty one."""
        return cls(edges, np.zeros(len(edges) - 1, np.int64))

    def add(self, values: NDArray[np.float64]) -> None:
        """Count values; those that are no numbers are left out."""
        known = values[np.isfinite(values)]
        places = np.clip(np.searchsorted(self.edges, known, side="right") - 1, 0, len(self.counts) - 1)
        self.counts += np.bincount(places, minlength=len(self.counts))

    @property
    def total(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    def median(self) -> float | None:
        """Middle of the bin that holds the median, on the bins' own scale; None where there is no value."""
        if not self.total:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), (self.total + 1) // 2))
        low, high = self.edges[place : place + 2]
        return float((low * high) ** 0.5 if self.edges[0] > 0 else (low + high) / 2)

    def coarse(self, size: int) -> Histogram:
        """The same with bins of `size` bins each, a divisor of their number."""
        return Histogram(self.edges[::size], self.counts.reshape(-1, size).sum(axis=1))


@dataclass(slots=True)
class Measured:
    """What is known of the masks of some rows.

    Attributes:
        area: shares of the pixels marked.
        qes: decisiveness.
        components: sum of the numbers of regions.
        masks: number of rows that have a mask.
    """

    area: Histogram = field(default_factory=lambda: Histogram.on(AREA_EDGES))
    qes: Histogram = field(default_factory=lambda: Histogram.on(QES_EDGES))
    components: int = 0
    masks: int = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Count rows with the columns area, qes and components."""
        self.area.add(rows["area"].to_numpy(np.float64))
        self.qes.add(rows["qes"].to_numpy(np.float64))
        counted = rows["components"].dropna()
        self.components += int(counted.sum())
        self.masks += len(counted)


@dataclass(slots=True)
class Counts:
    """Of one annotated corpus.

    Attributes:
        corpus: its label.
        pairs: rows by edit type and status.
        reasons: rows by status and reason, kept ones left out.
        measured: by edit type and status: of kept and rejected rows.
    """

    corpus: str
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    measured: dict[tuple[str, str], Measured] = field(default_factory=dict)

    def add(self, rows: pd.DataFrame) -> None:
        """Count rows with the columns edit_type, status, reason, area, qes and components."""
        types = rows["edit_type"].where(rows["edit_type"].isin(EDIT_TYPES.keys()), OTHER)
        for key, group in rows.groupby([types, rows["status"]]):
            word, status = map(str, key)
            self.pairs[word, status] += len(group)
            if status in ("kept", "rejected"):
                self.measured.setdefault((word, status), Measured()).add(group)
            if status != "kept":
                for reason, count in group["reason"].value_counts().items():
                    self._count_reason((status, str(reason)), int(count))

    def _count_reason(self, key: tuple[str, str], count: int) -> None:
        known = key in self.reasons or len(self.reasons) < MOST_REASONS
        self.reasons[key if known else (key[0], BEYOND)] += count

    @property
    def total(self) -> int:
        """Number of rows."""
        return self.pairs.total()

    def of(self, status: str, word: str | None = None) -> int:
        """Number of rows of a status, of one edit type where one is named."""
        return sum(count for (kind, ended), count in self.pairs.items() if ended == status and word in (None, kind))

    def words(self) -> list[str]:
        """Edit types that occur, in the vocabulary's order."""
        found = {word for word, _ in self.pairs}
        return [word for word in (*EDIT_TYPES, OTHER) if word in found]

    def histogram(self, name: str, status: str, word: str | None = None) -> Histogram:
        """The areas or the QES of a status, of one edit type where one is named.

        Args:
            name: "area" or "qes".
            status: "kept" or "rejected".
            word: an edit type; None = all.
        """
        total = Histogram.on(AREA_EDGES if name == "area" else QES_EDGES)
        for (kind, ended), found in self.measured.items():
            if ended == status and word in (None, kind):
                total.counts += getattr(found, name).counts
        return total
