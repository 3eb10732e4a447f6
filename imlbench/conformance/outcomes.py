"""What the conformance suite reports: one outcome per check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check's result.

    Attributes:
        check: the check's name, stable between versions.
        status: passed, failed, or skipped.
        message: one line: what was verified, what was found instead, or why it was skipped.
    """

    check: str
    status: Status
    message: str

    def __str__(self) -> str:
        return f"{self.status:<7}  {self.check:<16}  {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes for one adapter.

    Attributes:
        name: the adapter's name.
        kind: "annotators" or "detectors".
        outcomes: in the order in which the checks ran.
    """

    name: str
    kind: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed. A skipped check says why and is no failure."""
        return not self.failures

    @property
    def failures(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(outcome.check for outcome in self.outcomes if outcome.status is Status.FAILED)

    def summary(self) -> str:
        """The counts on one line."""
        counts = [sum(outcome.status is status for outcome in self.outcomes) for status in Status]
        return f"{self.name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: name, kind, passed, and the outcomes as objects."""
        outcomes = [asdict(outcome) for outcome in self.outcomes]
        return {"name": self.name, "kind": self.kind, "passed": self.passed, "outcomes": outcomes}

    def __str__(self) -> str:
        return "\n".join([*map(str, self.outcomes), self.summary()])


class CheckFailedError(Exception):
    """Raised inside a check: the adapter does not conform; the message says how."""


class CheckSkippedError(Exception):
    """Raised inside a check: it does not apply to this adapter; the message says why."""
