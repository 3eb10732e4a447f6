"""The three kinds of score maps: what is accepted, what they mark, how they are resized."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.errors import Reason, SampleError
from imlbench.histograms import lowest_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import ScoreMap

FLOAT, LEVELS, HARD = np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.bool_)
"""Scores in [0, 1]; levels k that stand for k / 255; hard decisions."""


def marked_pixels(scores: ScoreMap, threshold: float) -> NDArray[np.uint8]:
    """1 where the score reaches the threshold: H x W, uint8.

    Float scores are compared in float32, levels with `lowest_level`.
    """
    if scores.dtype == HARD:
        return np.ascontiguousarray(scores).view(np.uint8)
    marked: NDArray[np.bool_] = scores >= (lowest_level(threshold) if scores.dtype == LEVELS else np.float32(threshold))
    return marked.view(np.uint8)


def checked_map(scores: object, shape: tuple[int, ...], owner: str) -> tuple[ScoreMap, bool]:
    """Validate what an adapter returned and bring it to the mask's size.

    Args:
        scores: whatever the adapter returned.
        shape: (height, width) of the mask.
        owner: the adapter's name, for the message.

    Returns:
        The map, and whether it had to be resized (bilinearly, as scores, before any threshold).

    Raises:
        SampleError: not a two-dimensional float32, uint8 or bool array, empty, NaN, or outside [0, 1].
    """
    if not isinstance(scores, np.ndarray) or scores.ndim != 2 or scores.size == 0:
        found = getattr(scores, "shape", type(scores).__name__)
        raise SampleError(Reason.BAD_MAP, f"{owner}: expected an H x W array, found {found}")
    if scores.dtype not in (FLOAT, LEVELS, HARD):
        raise SampleError(Reason.BAD_MAP, f"{owner}: expected float32, uint8 or bool, found {scores.dtype}")
    if scores.dtype == FLOAT:
        lowest, highest = float(scores.min()), float(scores.max())
        # Written so that NaN, for which every comparison is false, fails too.
        if not (lowest >= 0 and highest <= 1):
            raise SampleError(Reason.BAD_MAP, f"{owner}: scores from {lowest:g} to {highest:g}, expected 0 to 1")
    if scores.shape == tuple(shape[:2]):
        return scores, False
    soft = scores.astype(np.float32) / np.float32(255 if scores.dtype == LEVELS else 1)
    resized = cv2.resize(soft, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.clip(resized, 0, 1), True
