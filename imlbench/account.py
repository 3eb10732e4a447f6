"""What an evaluation did, and the news it gives while it runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Protocol


class Progress(Protocol):
    """Receives news of a running evaluation."""

    def start(self, total: int) -> None:
        """`total` samples are about to be looked at."""

    def advance(self, samples: int, failed: int) -> None:
        """`samples` more are done, `failed` outcomes among theirs failed."""


class Quiet:
    """No news."""

    def start(self, total: int) -> None:
        pass

    def advance(self, samples: int, failed: int) -> None:
        pass


@dataclass(slots=True)
class Account:
    """What an evaluation did.

    Attributes:
        samples: samples looked at.
        computed: outcomes computed now, by run id.
        stored: outcomes that were there already, by run id.
        tally: all these outcomes by run id, then by (status, reason).
        interrupted: whether Ctrl-C ended it early.
    """

    samples: int = 0
    computed: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    tally: defaultdict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    interrupted: bool = False

    def add(self, run_id: str, status: str, reason: str, new: bool) -> None:
        """Count one outcome."""
        (self.computed if new else self.stored)[run_id] += 1
        self.tally[run_id][status, reason] += 1

    def total(self, status: str, run_id: str | None = None) -> int:
        """Outcomes of a status: ok, skipped or failed; of one run or of all."""
        chosen = self.tally if run_id is None else {run_id: self.tally.get(run_id, Counter())}
        return sum(count for run in chosen.values() for (found, _), count in run.items() if found == status)

    def reasons(self, status: str, run_id: str | None = None) -> dict[str, int]:
        """Outcomes of a status by reason, the most frequent first."""
        reasons: Counter[str] = Counter()
        for run, counts in self.tally.items():
            if run_id in (None, run):
                reasons.update({reason: count for (found, reason), count in counts.items() if found == status})
        return dict(reasons.most_common())
