"""The quality gate: what is measured of a mask, and whether the pair is kept. Every function is pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from imlbench.errors import UserError
from imlbench.masks import bounding_box
from imlbench.score_maps import HARD, LEVELS

if TYPE_CHECKING:
    from imlbench.samples import Mask, ScoreMap

KindAsked = Literal["any", "spg"]
"""any: pairs of every kind. spg: those alone that show the same content in the same place."""
CERTAIN = 15 / 16
POSSIBLE = 1 / 16
GLOBAL_SHARE = 0.95
"""A pair of which more than this share of the frame has changed shows no local edit."""


@dataclass(frozen=True, slots=True)
class Gates:
    """What a pair must reach to be kept.

    Attributes:
        min_qes: the decisiveness must be above this; 0 = any.
        area: the smallest and the largest share of marked pixels, both allowed.
        min_alignment: the alignment must be at least this; 0 = any.
        min_agreement: the intersection over union with the second annotator must be at least this.
        pair_kind: the kind of pairs that are annotated, see `imlbench.pair_kinds`; any = it is not looked at.
    """

    min_qes: float = 0.5
    area: tuple[float, float] = (0.002, 0.9)
    min_alignment: float = 0.5
    min_agreement: float = 0.5
    pair_kind: KindAsked = "any"

    def __post_init__(self) -> None:
        values = {"min-qes": self.min_qes, "min-alignment": self.min_alignment, "min-agreement": self.min_agreement}
        for name, value in values.items():
            if not 0 <= value <= 1:
                raise UserError(f"--{name}: expected a number from 0 to 1, found {value}")
        if not 0 <= self.area[0] <= self.area[1] <= 1:
            raise UserError(f"--area: expected LO,HI with 0 <= LO <= HI <= 1, found {self.area[0]},{self.area[1]}")
        if self.pair_kind not in get_args(KindAsked):
            raise UserError(f"--pair-kind: expected one of {', '.join(get_args(KindAsked))}, found {self.pair_kind!r}")


class Verdict(NamedTuple):
    """Why a pair is not kept; both empty where it is.

    Attributes:
        reason: one word.
        message: what was found and what was asked for.
    """

    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of a mask.

    Attributes:
        area: share of the pixels marked, in [0, 1].
        qes: see `decisiveness`.
        alignment: in [0, 1]; None where it cannot be told.
        agreement: intersection over union with the second annotator's mask; None without one.
    """

    area: float
    qes: float
    alignment: float | None = None
    agreement: float | None = None


def verdict(found: Measures, gates: Gates) -> Verdict:
    """The first gate that a pair fails, in the order alignment, area, decisiveness, agreement."""
    if found.alignment is not None and found.alignment < gates.min_alignment:
        message = f"alignment {found.alignment:.3f} outside the mask, below {gates.min_alignment:g}"
        return Verdict("unaligned", message)
    low, high = gates.area
    if not low <= found.area <= high:
        return Verdict("area", f"{found.area:.6f} of the frame marked, outside {low:g} to {high:g}")
    if gates.min_qes > 0 and not found.qes > gates.min_qes:
        return Verdict("low-qes", f"QES {found.qes:.4f}, not above {gates.min_qes:g}")
    if found.agreement is not None and found.agreement < gates.min_agreement:
        message = f"agreement {found.agreement:.4f} with the second annotator, below {gates.min_agreement:g}"
        return Verdict("disagreement", message)
    return Verdict()


def decisiveness(scores: ScoreMap) -> float:
    """QES: pixels with a score above 15/16 over those with one above 1/16, 0 where there are none of the latter.

    The quality score of an annotation without ground truth of CAAAv2 (arXiv 2508.20987). It tells how decided a map
    is, not how right.

    Args:
        scores: H x W, float32 in [0, 1], uint8 levels (k stands for k / 255) or bool.
    """
    scale = 255 if scores.dtype == LEVELS else 1
    if scores.dtype == HARD:
        return float(scores.any())
    # Whole numbers of 255 and of 256 never meet: both comparisons are exact.
    certain = np.count_nonzero(scores > np.float32(CERTAIN * scale))
    possible = np.count_nonzero(scores > np.float32(POSSIBLE * scale))
    return certain / possible if possible else 0.0


def area_share(mask: Mask) -> float:
    """Share of the pixels of an H x W bool mask that are marked."""
    return float(np.count_nonzero(mask)) / mask.size


def count_components(mask: Mask) -> int:
    """8-connected regions of an H x W bool mask."""
    import cv2

    inside = mask[bounding_box(mask)]
    if not inside.size:
        return 0
    return int(cv2.connectedComponents(np.ascontiguousarray(inside).view(np.uint8), connectivity=8)[0]) - 1


def overlap(first: Mask, second: Mask) -> float:
    """Intersection over union of two H x W bool masks; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second)) / union if union else 1.0
