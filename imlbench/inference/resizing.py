"""Score maps at another size than the one that they were computed at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def at_native_size(maps: Sequence[NDArray[np.float32]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The mean of maps of several sizes, enlarged or shrunk to (height, width): float32 in [0, 1].

    The mean is taken at the largest of the sizes, so that an image of many pixels is filled once. A single map that
    has the size already is changed itself.
    """
    mean = maps[0]
    if len(maps) > 1:
        largest = max((found.shape for found in maps), key=lambda size: size[0] * size[1])
        mean = np.mean([resized(found, largest) for found in maps], axis=0, dtype=np.float32)
    enlarged = resized(mean, shape)
    # The filter's weights add up to one only within rounding. In place, since there may be 67 million pixels.
    return np.clip(enlarged, 0, 1, out=enlarged)


def resized(scores: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Bilinear where a map grows, means of pixels where it shrinks: (height, width), float32; itself where it fits."""
    height, width = shape[:2]
    if scores.shape == (height, width):
        return scores
    method = cv2.INTER_AREA if height * width < scores.size else cv2.INTER_LINEAR
    found: NDArray[np.float32] = cv2.resize(scores, (width, height), interpolation=method)  # type: ignore[assignment]
    return found
