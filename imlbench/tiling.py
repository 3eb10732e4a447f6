"""Images above a network's size, seen piece by piece: tiles that overlap, and the map that they make together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Tile(NamedTuple):
    """A rectangle of an image: `pixels[tile.rows, tile.columns]`."""

    rows: slice
    columns: slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How an image is cut into tiles, all of it, at its own scale.

    Attributes:
        side: longest side of a tile, in pixels, a multiple of `align`.
        overlap: least overlap of neighbouring tiles, in pixels, below `side`.
        align: tiles begin at multiples of it: 8 keeps JPEG's blocks whole.
        max_pixels: an image of at most so many pixels is one tile, whatever its sides.

    Raises:
        ValueError: the numbers do not fit together.
    """

    side: int
    overlap: int = 64
    align: int = 1
    max_pixels: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.overlap <= self.side - self.align and self.align >= 1 and self.side % self.align == 0):
            raise ValueError(f"tiles of {self.side} pixels cannot overlap by {self.overlap}, aligned to {self.align}")

    def tiles(self, height: int, width: int) -> list[Tile]:
        """Tiles that cover an image, row by row; the last ones end with the image."""
        if height * width <= self.max_pixels:
            return [Tile(slice(0, height), slice(0, width))]
        return [Tile(rows, columns) for rows in self._spans(height) for columns in self._spans(width)]

    def _spans(self, length: int) -> Iterator[slice]:
        """Spans of one axis."""
        step = max((self.side - self.overlap) // self.align, 1) * self.align
        start = 0
        while start + self.side < length:
            yield slice(start, start + self.side)
            start += step
        # The last one begins where the grid allows and ends with the image, so that it may be the shorter.
        aligned = -(-max(0, length - self.side) // self.align) * self.align
        yield slice(min(start, aligned), length)

    def assemble(self, height: int, width: int, score: Callable[[Tile], NDArray[np.float32]]) -> NDArray[np.float32]:
        """The score map of an image from those of its tiles; where tiles overlap, the less the nearer their rim.

        Args:
            height: of the image.
            width: of the image.
            score: from a tile to its float32 scores, of the tile's size.

        Returns:
            height x width, float32; the very map of a single tile.
        """
        tiles = self.tiles(height, width)
        if len(tiles) == 1:
            return score(tiles[0])
        total = np.zeros((height, width), dtype=np.float32)
        weights = np.zeros((height, width), dtype=np.float32)
        for tile in tiles:
            weight = np.minimum.outer(self._ramp(tile.rows, height), self._ramp(tile.columns, width))
            total[tile] += weight * score(tile)
            weights[tile] += weight
        combined: NDArray[np.float32] = total / weights
        return np.clip(combined, 0, 1, out=combined)

    def _ramp(self, span: slice, length: int) -> NDArray[np.float32]:
        """Weights along one axis: rising from a rim inside the image over the overlap, 1 elsewhere."""
        size = span.stop - span.start
        steps = np.arange(1, size + 1, dtype=np.float32)
        reach = float(max(self.overlap, 1))
        rising = np.minimum(steps / reach, 1) if span.start else np.ones(size, dtype=np.float32)
        falling = np.minimum(steps[::-1] / reach, 1) if span.stop < length else np.ones(size, dtype=np.float32)
        ramp: NDArray[np.float32] = np.minimum(rising, falling)
        return ramp
