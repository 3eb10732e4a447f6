"""What to do with a row whose run and sample a results file holds already."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import numpy as np

from imlbench.results.row_checks import BOUNDARIES, COUNTS, unpacked
from imlbench.results.rows import Row

Keep = Literal["refuse", "newest"]
COMPARED = ("status", "content", *COUNTS, *BOUNDARIES, "histogram", "image_score", "started", "provenance")
"""Columns that a verdict looks at."""


class Verdict(StrEnum):
    """What becomes of an offered row.

    Attributes:
        ADDED: nothing was there.
        KNOWN: the same is there.
        REPLACED: it takes the place of what is there.
        KEPT: what is there stays.
        CONTENTS: it is of another content; a conflict.
        COUNTS: it counts otherwise; a conflict.
    """

    ADDED = "added"
    KNOWN = "known"
    REPLACED = "replaced"
    KEPT = "kept"
    CONTENTS = "contents"
    COUNTS = "counts"


def verdict(row: Row, there: dict[str, Any] | None, keep: Keep = "refuse") -> Verdict:
    """Compare an offered row with what is there.

    A score wins over a failure, and of two failures the newest, as if one machine had gone on where the other one
    stopped. Two scores must have the same counts; boundaries that only one of them looked at are no contradiction.

    Args:
        row: what is offered.
        there: the columns `COMPARED` of what is there, None = nothing.
        keep: newest = of two scores of one content that contradict one another, the one computed later.
    """
    if there is None:
        return Verdict.ADDED
    if "ok" not in (there["status"], row["status"]):
        same = all(there[name] == row[name] for name in ("status", "content", "started", "provenance"))
        return Verdict.KNOWN if same else newest(row, there)
    if there["status"] != row["status"]:
        return Verdict.REPLACED if row["status"] == "ok" else Verdict.KEPT
    if there["content"] != row["content"]:
        return Verdict.CONTENTS
    found = compared_scores(row, there)
    return newest(row, there) if found == Verdict.COUNTS and keep == "newest" else found


def compared_scores(row: Row, there: dict[str, Any]) -> Verdict:
    """Two scores of one content."""
    agree = all(there[name] == row[name] for name in (*COUNTS, "image_score")) and same_histogram(
        there["histogram"], row["histogram"]
    )
    if not agree:
        return Verdict.COUNTS
    tolerances = (there["boundary_tolerance"], row["boundary_tolerance"])
    if tolerances == (None, tolerances[1]):
        return Verdict.KNOWN if tolerances[1] is None else Verdict.REPLACED
    if tolerances[1] is None:
        return Verdict.KEPT
    same = all(there[name] == row[name] for name in BOUNDARIES)
    return Verdict.KNOWN if same else Verdict.COUNTS


def newest(row: Row, there: dict[str, Any]) -> Verdict:
    """Whichever was computed later; what is there, in doubt."""
    return Verdict.REPLACED if row["started"] > (there["started"] or "") else Verdict.KEPT


def same_histogram(one: bytes | None, other: bytes | None) -> bool:
    """Whether two stored histograms hold the same counts; two builds of zlib may pack them differently."""
    if one == other or one is None or other is None:
        return one == other
    return bool(np.array_equal(unpacked(one), unpacked(other)))
