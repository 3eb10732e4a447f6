"""summary.json: the sum of the manifests of finished shards, so that a status needs to read hardly any of them.

It is a cache: it names the shards that it sums up, whoever reads it adds those that it lacks, and one that is missing
or damaged is made again.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from imlbench.files import write_atomically

NAME = "summary.json"
WRITE_SECONDS = 1.0


@dataclass(slots=True)
class Totals:
    """Counts over shards.

    Attributes:
        shards: numbers of the shards that are counted.
        rows: number of rows.
        status: rows by status.
        reasons: rows by reason, by status.
        edit_type: rows by edit type.
    """

    shards: set[int] = field(default_factory=set)
    rows: int = 0
    status: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    edit_type: Counter[str] = field(default_factory=Counter)

    def add(self, manifest: Mapping[str, Any]) -> None:
        """Count a shard, unless it is counted already.

        Raises:
            KeyError, TypeError, AttributeError: it is no manifest; nothing is counted then.
        """
        number, rows, reasons = manifest["shard"], int(manifest["rows"]), manifest["reasons"].items()
        status, edit_type = Counter(manifest["status"]), Counter(manifest["edit_type"])
        if number in self.shards:
            return
        self.shards.add(number)
        self.rows += rows
        self.status.update(status)
        self.edit_type.update(edit_type)
        for name, found in reasons:
            self.reasons.setdefault(name, Counter()).update(found)

    def as_json(self) -> dict[str, Any]:
        """Plain values, sorted; the shards as ranges."""
        return {
            "shards": ranges(self.shards),
            "rows": self.rows,
            "status": dict(sorted(self.status.items())),
            "reasons": {status: dict(found.most_common()) for status, found in sorted(self.reasons.items())},
            "edit_type": dict(sorted(self.edit_type.items())),
        }

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """Totals from plain values.

        Raises:
            KeyError, TypeError, ValueError: they are no such values.
        """
        return cls(
            shards={number for first, last in found["shards"] for number in range(first, last + 1)},
            rows=int(found["rows"]),
            status=Counter(found["status"]),
            reasons={status: Counter(reasons) for status, reasons in found["reasons"].items()},
            edit_type=Counter(found["edit_type"]),
        )


def ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Sorted numbers as [first, last] of each stretch without a gap."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


@dataclass(slots=True)
class Summary:
    """What a driver tells of its run, written once a second at most.

    Attributes:
        path: summary.json.
        plan: digest of the plan and its shards, see `imlbench.annotating.agreement.work_digest`.
        totals: of the shards that are done and final.
        todo: rows that this run has to do; None where nobody knows.
        done: rows that it has done, those of unfinished shards included.
        finished: rows of the shards that it has finished.
        lost: why shards could not be done, by number.
    """

    path: Path
    plan: str
    totals: Totals
    todo: int | None
    done: int = 0
    finished: int = 0
    lost: dict[int, str] = field(default_factory=dict)
    _started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    _begun: float = field(default_factory=time.monotonic)
    _written: float = -WRITE_SECONDS

    def write(self, now: bool = False) -> None:
        """Write, if it is time or if asked to.

        Raises:
            UserError: the disk is full or cannot be written.
        """
        moment = time.monotonic()
        if not now and moment - self._written < WRITE_SECONDS:
            return
        run = {
            "started": self._started,
            "seconds": round(moment - self._begun, 3),
            "todo": self.todo,
            "done": self.done,
            "finished": self.finished,
            "host": platform.node(),
            "pid": os.getpid(),
        }
        lost = {str(number): message for number, message in sorted(self.lost.items())}
        content = {"plan": self.plan, **self.totals.as_json(), "lost": lost, "run": run}
        write_atomically(self.path, json.dumps(content) + "\n")
        self._written = time.monotonic()
