"""Runs by what a user types: an annotator, with a condition where it has one, or the beginning of a run id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imlbench.comparison import condition_label, label
from imlbench.errors import UserError, one_line
from imlbench.registry import natural_key

if TYPE_CHECKING:
    from imlbench.results.reading import StoredRun

RUN_ID = re.compile(r"[0-9a-f]{6,16}", re.IGNORECASE)
NAMED = 12
"""Names listed in a message."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed: NAME, NAME@PERTURBATION, NAME@PERTURBATION:SEVERITY, NAME@PERTURBATION:SEVERITY:TARGET.

    Attributes:
        name: an adapter, or the beginning of a run id.
        perturbation: empty = clean.
        severity: None = whichever there is.
        target: empty = whichever there is.
    """

    name: str
    perturbation: str = ""
    severity: float | None = None
    target: str = ""

    def meets(self, stored: StoredRun) -> bool:
        """Whether the run has this condition."""
        run = stored.run
        if run.perturbation != self.perturbation:
            return False
        return self.severity in (None, run.severity) and self.target in ("", run.target)


def parse_wanted(text: str) -> Wanted:
    """What was typed, taken apart.

    Raises:
        UserError: a severity is no number, or there are too many parts.
    """
    name, separator, condition = text.partition("@")
    perturbation, *details = condition.split(":")
    if perturbation == "clean" and not details:
        perturbation, separator = "", ""
    wrong = len(details) > 2 or (bool(separator) and not perturbation) or not name
    try:
        severity = float(details[0]) if details else None
    except ValueError:
        wrong, severity = True, None
    if wrong:
        expected = "an annotator, a run id, or one with a condition such as pixdiff-20@jpeg:70"
        raise UserError(f"{one_line(text, 120)!r}: expected {expected}")
    return Wanted(name, perturbation, severity, details[1] if len(details) > 1 else "")


def matching_runs(runs: Sequence[StoredRun], text: str, datasets: Sequence[str] = ()) -> dict[str, StoredRun]:
    """The run that was meant, for each dataset that has one.

    Args:
        runs: all runs of a results file.
        text: what was typed.
        datasets: labels; none = all.

    Raises:
        UserError: none fits, or several on one dataset; the message says what there is.
    """
    within = [stored for stored in runs if not datasets or stored.run.dataset in datasets]
    wanted, shown = parse_wanted(text), repr(one_line(text, 120))
    named = [stored for stored in within if stored.run.adapter == wanted.name]
    found = [stored for stored in named if wanted.meets(stored)]
    if not named and RUN_ID.fullmatch(wanted.name):
        named = [stored for stored in within if stored.run_id.startswith(wanted.name.lower())]
        # A run id already says under which condition.
        found = named if "@" not in text else [stored for stored in named if wanted.meets(stored)]
        if len(found) > 1:
            raise UserError(f"{shown} begins {len(found)} run ids: {listed(label(stored) for stored in found)}")
    if not found:
        raise UserError(nothing_found(text, named or within, bool(named)))
    chosen: dict[str, StoredRun] = {}
    for stored in found:
        known = chosen.setdefault(stored.run.dataset, stored)
        if known is not stored:
            same = [one for one in found if one.run.dataset == stored.run.dataset]
            choices = listed(label(one) for one in same)
            raise UserError(
                f"{text!r} may be {len(same)} runs on {one_line(stored.run.dataset)}: give one of {choices}"
            )
    return chosen


def nothing_found(text: str, runs: Sequence[StoredRun], known: bool) -> str:
    """What to say where no run fits."""
    missing = f"no run of {one_line(text, 120)!r}"
    if not runs:
        return f"{missing}: the results hold no run on that dataset"
    there = listed({condition_label(stored) for stored in runs})
    return f"{missing} under that condition; there is {there}" if known else f"{missing}; the results hold {there}"


def listed(names: Iterable[str]) -> str:
    """Names in natural order, the first ones."""
    ordered = sorted(names, key=natural_key)
    more = f", and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return ", ".join(ordered[:NAMED]) + more


def run_order(stored: StoredRun) -> tuple[object, ...]:
    """Order of runs in lists: dataset, adapter, condition, then age."""
    run = stored.run
    condition = (run.perturbation, run.severity or 0.0, run.target)
    return (natural_key(run.dataset), natural_key(run.adapter), condition, stored.recorded)
