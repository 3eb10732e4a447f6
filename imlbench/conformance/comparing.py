"""What is wrong with a score map, and how two of them differ, in words."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from imlbench.conformance.outcomes import CheckFailedError

if TYPE_CHECKING:
    from imlbench.adapters import Detection, Picture
    from imlbench.samples import Pair, ScoreMap

TOLERANCE = 1e-5
"""Allowed difference of float scores where the order of additions may differ. uint8 and bool must be equal."""


def shape_fault(score_map: ScoreMap, pair: Pair | Picture) -> str | None:
    """Why the map's shape is not the edited image's, or None."""
    expected = (pair.edited if hasattr(pair, "edited") else pair.pixels).shape[:2]
    return None if score_map.shape == expected else f"{pair.id}: expected shape {expected}, found {score_map.shape}"


def dtype_fault(score_map: ScoreMap, pair: Pair | Picture) -> str | None:
    """Why the map's dtype is not allowed, or None."""
    if score_map.dtype in (np.float32, np.uint8, np.bool_):
        return None
    return f"{pair.id}: expected float32, uint8 or bool, found {score_map.dtype}"


def range_fault(score_map: ScoreMap, pair: Pair | Picture) -> str | None:
    """Why a floating-point map leaves [0, 1], or None. uint8 and bool cannot."""
    if score_map.dtype.kind != "f" or not score_map.size:
        return None
    invalid = np.count_nonzero(~np.isfinite(score_map))
    if invalid:
        return f"{pair.id}: {invalid} of {score_map.size} scores are NaN or infinite"
    low, high = float(score_map.min()), float(score_map.max())
    return None if low >= 0 and high <= 1 else f"{pair.id}: expected scores in [0, 1], found {low:g} to {high:g}"


def any_fault(score_map: ScoreMap, pair: Pair | Picture) -> str | None:
    """The first thing wrong with a map, or None."""
    return shape_fault(score_map, pair) or dtype_fault(score_map, pair) or range_fault(score_map, pair)


def score_fault(score: object, name: str) -> str | None:
    """Why an image score is neither None nor a number in [0, 1], or None."""
    if score is None or (isinstance(score, Real) and 0 <= float(score) <= 1):
        return None
    return f"{name}: expected an image score in [0, 1] or None, found {score!r}"


def require_same(
    expected: Sequence[Detection], found: Sequence[Detection], when: str, tolerance: float = TOLERANCE
) -> None:
    """Compare detections pair by pair.

    Raises:
        CheckFailedError: they differ by more than `tolerance` (float) or at all (uint8, bool).
    """
    for first, second in zip(expected, found, strict=True):
        fault = map_difference(first.score_map, second.score_map, tolerance)
        if fault is None and not scores_agree(first.image_score, second.image_score, tolerance):
            fault = f"image score {first.image_score} became {second.image_score}"
        if fault:
            raise CheckFailedError(f"{when}: {fault}")


def map_difference(first: ScoreMap, second: ScoreMap, tolerance: float) -> str | None:
    """How two maps differ, or None. NaN equals NaN, which is another check's business."""
    if (first.shape, first.dtype) != (second.shape, second.dtype):
        return f"a {first.shape} map of {first.dtype} became a {second.shape} map of {second.dtype}"
    if first.dtype.kind != "f":
        differing = np.count_nonzero(first != second)
        return f"{differing} of {first.size} scores differ" if differing else None
    differing = np.count_nonzero(~np.isclose(first, second, rtol=0, atol=tolerance, equal_nan=True))
    if not differing:
        return None
    largest = np.nanmax(np.abs(first.astype(np.float64) - second.astype(np.float64)), initial=0)
    return f"{differing} of {first.size} scores differ, by up to {largest:.3g}"


def scores_agree(first: object, second: object, tolerance: float) -> bool:
    """Whether two image scores are equal, within the tolerance where both are numbers."""
    if isinstance(first, Real) and isinstance(second, Real):
        return bool(np.isclose(float(first), float(second), rtol=0, atol=tolerance, equal_nan=True))
    return first is second or bool(first == second)
