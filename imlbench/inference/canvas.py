"""A pair as a network of a fixed size sees it, view by view, and one map out of what the network says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imlbench.images import resize_image
from imlbench.inference.input_policy import InputPolicy, Tile
from imlbench.inference.resizing import resized

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
            found = resized(scores, self.shape)
            self._sum = found.copy() if found is scores else found
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
