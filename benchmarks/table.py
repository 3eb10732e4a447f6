"""Rows of the benchmark table, printed as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark's outcome.

    Attributes:
        name: what was measured, in a few words.
        measured: the ratio, or the value where the target is not a ratio.
        target: the target in words, such as "at least 15".
        met: whether the target was met.
        detail: the numbers behind it, with their units.
    """

    name: str
    measured: float
    target: str
    met: bool
    detail: str


def print_table(rows: Sequence[Row]) -> None:
    """Print rows as a Markdown table."""
    print("| benchmark | measured | target | met | detail |")
    print("|---|---:|---|---|---|")
    for row in rows:
        met = "yes" if row.met else "**no**"
        print(f"| {row.name} | {row.measured:.4g} | {row.target} | {met} | {row.detail} |")
