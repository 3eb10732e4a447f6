"""Views of a batch's pairs, as many together as a forward pass may hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from imlbench.inference.input_policy import Tile

if TYPE_CHECKING:
    from imlbench.inference.canvas import Canvas

PIXELS_AT_ONCE = 16 * 256 * 256
"""Network pixels of one image of each pair in a forward pass on an accelerator."""


class View(NamedTuple):
    """One square of one pair.

    Attributes:
        place: of the pair in the batch.
        number: of the square within the pair.
        tile: the square.
    """

    place: int
    number: int
    tile: Tile


def views_at_once(device: str, side: int) -> int:
    """How many views of side x side pixels a forward pass may hold; one on a processor, where a batch gains nothing."""
    import torch

    return 1 if torch.device(device).type == "cpu" else max(1, PIXELS_AT_ONCE // side**2)


def groups(canvases: Sequence[Canvas], at_once: int) -> Iterator[list[View]]:
    """All views of the pairs, in order, up to `at_once` together."""
    views = [
        View(place, number, tile) for place, canvas in enumerate(canvases) for number, tile in enumerate(canvas.views)
    ]
    return (views[start : start + at_once] for start in range(0, len(views), at_once))
