"""Boundary pixels of a prediction and of the truth, matched at a tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Boundary:
    """Boundary pixels of prediction and truth, and how many lie within the tolerance of the other's.

    Attributes:
        tolerance: in pixels, Euclidean.
        predicted: boundary pixels of the prediction.
        predicted_matched: those with a true boundary pixel within the tolerance.
        true: boundary pixels of the mask.
        true_matched: those with a predicted boundary pixel within the tolerance.
    """

    tolerance: int
    predicted: int
    predicted_matched: int
    true: int
    true_matched: int


def inner_boundary(marked: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Marked pixels with an unmarked one among their four neighbours; the frame's edge is no boundary."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return marked - cv2.erode(marked, cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)  # type: ignore[return-value]


def dilate_disk(marked: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Pixels within a Euclidean distance of `radius` of a marked one."""
    offsets = np.arange(-radius, radius + 1)
    disk = (offsets[:, np.newaxis] ** 2 + offsets[np.newaxis] ** 2 <= radius**2).astype(np.uint8)
    return cv2.dilate(marked, disk)  # type: ignore[return-value]
