"""What a verification found: counts, ranges, problems, and how to say them.

A defect keeps a sample from being scored, or is a file that belongs to none. A warning is something that can be scored
but should be known: an empty mask, a pair that had to be resized.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from imlbench.errors import one_line

if TYPE_CHECKING:
    from imlbench.datasets.base import Problem
    from imlbench.samples import Sample, Scope

Completeness = Literal["complete", "subset", "more", "unknown"]
COMPOSITED = 1
"""Largest difference outside the mask, in grey levels, up to which an edit counts as composited."""


class Finding(StrEnum):
    """What is wrong with a set beyond the reasons for which a sample cannot be scored."""

    NO_SAMPLES = "no-samples"
    EMPTY_MASK = "empty-mask"
    FULL_MASK = "full-mask"
    CONTRARY_MASK = "contrary-mask"
    NOT_ALIGNED = "not-aligned"
    RESIZED = "resized"
    UNCHANGED = "unchanged"
    MORE_THAN_PUBLISHED = "more-than-published"


WARNINGS = frozenset(Finding) - {Finding.NO_SAMPLES}


@dataclass(frozen=True, slots=True)
class Measured:
    """What is kept of a decoded sample: numbers, no pixels.

    Attributes:
        scope: the sample's scope.
        size: width and height of the edited image, in pixels.
        area: fraction of the pixels that the mask marks, in [0, 1].
        outside: largest difference outside the mask, 0-255; None without original or outside.
        conversions: what was converted when decoding.
        kind: of the pair, see `imlbench.pair_kinds`; empty without an original, or where nobody asked.
    """

    scope: Scope
    size: tuple[int, int]
    area: float
    outside: int | None
    conversions: tuple[str, ...]
    kind: str = ""


@dataclass(slots=True)
class Verification:
    """What a verification found.

    Attributes:
        dataset: the set's label.
        title: its name in tables.
        root: the folder that was looked at.
        samples: number of samples that the folder holds, those with broken files included.
        published: number of samples that the authors publish, None where they name none.
        checked: samples decoded.
        failed: samples among them that cannot be loaded.
        problems: defects and warnings, in the set's order.
        without_original: samples whose original the dataset does not ship.
        scopes: readable samples by scope.
        compared: samples with an original and pixels outside the mask.
        composited: those among them that differ by at most one grey level outside the mask.
        areas: mask areas of the readable local samples, fractions in [0, 1].
        widths: least and largest width in pixels, empty where nothing is readable.
        heights: likewise.
        conversions: samples by conversion that decoding needed.
        kinds: readable samples with an original, by the kind of their pair; empty where nobody asked.
    """

    dataset: str
    title: str
    root: str
    samples: int
    published: int | None
    checked: int = 0
    failed: int = 0
    problems: list[Problem] = field(default_factory=list)
    without_original: int = 0
    scopes: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    composited: int = 0
    areas: array[float] = field(default_factory=lambda: array("d"))
    widths: tuple[int, ...] = ()
    heights: tuple[int, ...] = ()
    conversions: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def count(self, sample: Sample, measured: Measured | None) -> None:
        """Count a sample; `measured` is None where it cannot be loaded."""
        self.checked += 1
        self.without_original += sample.original is None
        if measured is None:
            self.failed += 1
            return
        width, height = measured.size
        self.widths = (min(width, *self.widths), max(width, *self.widths)) if self.widths else (width, width)
        self.heights = (min(height, *self.heights), max(height, *self.heights)) if self.heights else (height, height)
        self.scopes[measured.scope] += 1
        if measured.scope == "local":
            self.areas.append(measured.area)
        self.compared += measured.outside is not None
        self.composited += measured.outside is not None and measured.outside <= COMPOSITED
        self.conversions.update(measured.conversions)
        self.kinds.update([measured.kind] if measured.kind else [])

    @property
    def defects(self) -> list[Problem]:
        """What keeps samples from being scored, and files that belong to none."""
        return [problem for problem in self.problems if problem.reason not in WARNINGS]

    @property
    def warnings(self) -> list[Problem]:
        """What should be known but prevents nothing."""
        return [problem for problem in self.problems if problem.reason in WARNINGS]

    @property
    def completeness(self) -> Completeness:
        """How the number of samples compares with the published one."""
        if self.published is None:
            return "unknown"
        if self.samples == self.published:
            return "complete"
        return "subset" if self.samples < self.published else "more"

    def passed(self, strict: bool = False) -> bool:
        """Whether there are no defects and, where `strict`, the number of samples is the published one."""
        return not self.defects and not (strict and self.completeness in ("subset", "more"))

    def count_text(self) -> str:
        """The number of samples beside the published one, in words."""
        if self.published is None:
            return f"{self.samples:,} (no published count to compare with)"
        if self.completeness == "complete":
            return f"complete: {self.samples:,} of {self.published:,} published samples"
        if self.completeness == "subset":
            return f"subset: {self.samples:,} of {self.published:,} published samples"
        return f"more than published: {self.samples:,}, expected {self.published:,}"

    def facts(self) -> list[tuple[str, str]]:
        """What is good to know, as (label, text) for people."""
        facts = [("samples", self.count_text()), ("checked", f"{self.checked:,}, {self.failed:,} cannot be loaded")]
        if set(self.scopes) - {"local"}:
            facts.append(("scope", ", ".join(f"{count:,} {scope}" for scope, count in sorted(self.scopes.items()))))
        if self.without_original:
            facts.append(("without original", f"{self.without_original:,}"))
        if self.compared:
            meaning = f"differ by at most {COMPOSITED} grey level outside the mask"
            facts.append(("composited", f"{self.composited:,} of {self.compared:,} {meaning}"))
        if self.kinds:
            facts.append(("pair kinds", ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.most_common())))
        if self.areas:
            low, middle, high = (f"{100 * area:.1f} %" for area in self._area_range())
            facts.append(("mask area", f"{low} to {high}, median {middle}"))
        if self.widths:
            facts.append(("image size", f"width {span(self.widths)}, height {span(self.heights)} pixels"))
        if self.conversions:
            facts.append(("converted", ", ".join(f"{note}: {count:,}" for note, count in self.conversions.items())))
        return facts

    def _area_range(self) -> tuple[float, float, float]:
        """Least, median and largest mask area."""
        return min(self.areas), median(self.areas), max(self.areas)

    def as_dict(self) -> dict[str, Any]:
        """Everything, of types that JSON knows."""
        names = ("dataset", "title", "root", "samples", "published", "completeness", "checked", "failed")
        counts = ("without_original", "compared", "composited")
        return {
            **{name: getattr(self, name) for name in (*names, *counts)},
            "scopes": dict(self.scopes),
            "mask_area": dict(zip(("min", "median", "max"), self._area_range(), strict=True)) if self.areas else None,
            "width": list(self.widths) or None,
            "height": list(self.heights) or None,
            "conversions": dict(self.conversions),
            **({"pair_kinds": dict(self.kinds)} if self.kinds else {}),
            "defects": [as_row(problem) for problem in self.defects],
            "warnings": [as_row(problem) for problem in self.warnings],
        }


def span(values: tuple[int, ...]) -> str:
    """One number, or two as in "384 to 512"."""
    return str(values[0]) if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


def as_row(problem: Problem) -> dict[str, str]:
    """A problem for JSON."""
    return {"reason": str(problem.reason), "name": problem.name, "message": problem.message}


def by_reason(problems: list[Problem]) -> dict[str, list[Problem]]:
    """Problems by reason, in the order in which the reasons first appear."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(str(problem.reason), []).append(problem)
    return groups


def problem_text(problem: Problem) -> str:
    """A problem on one line that begins with its name."""
    message = one_line(problem.message)
    return message if message.startswith(problem.name) else f"{one_line(problem.name)}: {message}"
