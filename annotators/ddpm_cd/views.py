"""Between a pair's own size and the network's: what the network is shown, and one map out of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from annotators.ddpm_cd.policy import InputPolicy, Tile
from imlbench.images import resize_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image


class Canvas:
    """Gathers the network's maps of one pair.

    Args:
        shape: the pair's (height, width, ...).
        side: of the network's input, in pixels.
        policy: resize or tile.
    """

    def __init__(self, shape: tuple[int, ...], side: int, policy: InputPolicy) -> None:
        height, width = shape[:2]
        self.shape = (height, width)
        self.side = side
        self.tiled = policy.fit == "tile"
        self.views = policy.tiles(height, width, side) if self.tiled else [Tile(0, 0)]
        """What the network is shown, in order."""
        self._sum: NDArray[np.float32] = np.zeros(self.shape, np.float32)
        self._weight: NDArray[np.float32] = np.zeros(self.shape, np.float32)
        self._window = window(side, policy.overlap) if self.tiled else None

    def cut(self, image: Image, view: Tile) -> Image:
        """What a view sees of an image: side x side x 3, uint8."""
        square = (self.side, self.side)
        if not self.tiled:
            return image if image.shape[:2] == square else resize_image(image, square)
        seen = image[view.top : view.top + self.side, view.left : view.left + self.side]
        lacking = [(0, self.side - length) for length in seen.shape[:2]]
        return np.pad(seen, (*lacking, (0, 0)), "edge")

    def paste(self, view: Tile, scores: NDArray[np.float32]) -> None:
        """Take what the network says of a view: side x side, float32 in [0, 1]."""
        if self._window is None:
            self._sum = resized(scores, self.shape)
            return
        rows = slice(view.top, min(view.top + self.side, self.shape[0]))
        columns = slice(view.left, min(view.left + self.side, self.shape[1]))
        weight = self._window[: rows.stop - rows.start, : columns.stop - columns.start]
        self._sum[rows, columns] += scores[: weight.shape[0], : weight.shape[1]] * weight
        self._weight[rows, columns] += weight

    def result(self) -> NDArray[np.float32]:
        """The pair's map, height x width, float32 in [0, 1]."""
        if self._window is not None:
            self._sum /= self._weight
        # The filters' weights add up to one only within rounding.
        return np.clip(self._sum, 0, 1, out=self._sum)


def window(side: int, overlap: int) -> NDArray[np.float32]:
    """A tile's weights, side x side: 1 within, falling towards its rim over the overlap, nowhere 0."""
    places = np.arange(side)
    rim = np.minimum(places, side - 1 - places) + 1
    falling = np.minimum(rim / (overlap + 1), 1.0).astype(np.float32)
    weights: NDArray[np.float32] = falling[:, np.newaxis] * falling
    return weights


def resized(scores: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Bilinear where a map grows, means of pixels where it shrinks: (height, width), float32."""
    height, width = shape[:2]
    if scores.shape == (height, width):
        return scores.copy()
    method = cv2.INTER_AREA if height * width < scores.size else cv2.INTER_LINEAR
    found: NDArray[np.float32] = cv2.resize(scores, (width, height), interpolation=method)  # type: ignore[assignment]
    return found
