"""Drawing of an explanation: what was parsed, then original, edited, both concepts' maps and the prior in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from imlbench.sheet_drawing import (
    CAPTION_HEIGHT,
    CAPTION_SIZE,
    FADED,
    GAP,
    INK,
    MARGIN,
    PAPER,
    TEXT_SIZE,
    TILE,
    TITLE_SIZE,
    Tile,
    draw_lines,
    draw_tile,
    fit,
    line_height,
)
from imlbench.sheet_text import wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.explanation import Explanation, Grounding
    from imlbench.samples import Image

TILES = 5
WIDTH = 2 * MARGIN + TILES * TILE + (TILES - 1) * GAP


def draw_explanation(original: Image, edited: Image, instruction: str | None, found: Explanation) -> Image:
    """One picture of an explanation.

    Args:
        original: H x W x 3, uint8, RGB.
        edited: H x W x 3, uint8, RGB.
        instruction: what was asked for.
        found: what it was taken to mean.

    Returns:
        H x W x 3, uint8, RGB.
    """
    title = wrap(instruction or "(no instruction)", TITLE_SIZE, WIDTH - 2 * MARGIN, 3)
    facts = wrap(summary(found), TEXT_SIZE, WIDTH - 2 * MARGIN, 2)
    head = MARGIN + len(title) * line_height(TITLE_SIZE) + len(facts) * line_height(TEXT_SIZE) + GAP
    sheet = PillowImage.new("RGB", (WIDTH, head + TILE + CAPTION_HEIGHT + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    place = draw_lines(pen, (MARGIN, MARGIN // 2), title, TITLE_SIZE, INK)
    draw_lines(pen, place, facts, TEXT_SIZE, FADED)
    for index, tile in enumerate(tiles(original, edited, found)):
        left = MARGIN + index * (TILE + GAP)
        draw_tile(sheet, (left, head), tile)
        draw_lines(pen, (left, head + TILE + 4), wrap(tile.caption, CAPTION_SIZE, TILE, 1), CAPTION_SIZE, FADED)
    return np.asarray(sheet)


def summary(found: Explanation) -> str:
    """The parse on one line."""
    concepts = (f"{name} {side.concept or '-'}" for name, side in sides(found))
    return f"{found.action}: {', '.join(concepts)}"


def sides(found: Explanation) -> tuple[tuple[str, Grounding], tuple[str, Grounding]]:
    """Both groundings, each with its image's name."""
    return ("original", found.original), ("edited", found.edited)


def tiles(original: Image, edited: Image, found: Explanation) -> list[Tile]:
    """The five pictures."""
    images = (("original", original), ("edited", edited))
    plain = [Tile(name, pixels) for name, pixels in images]
    maps = [map_tile(name, pixels, side) for (name, pixels), (_, side) in zip(images, sides(found), strict=True)]
    caption = f"prior, {found.prior.min():.2g} to {found.prior.max():.2g}"
    return [*plain, *maps, Tile(caption, stretched(heat(found.prior), edited))]


def map_tile(name: str, image: Image, side: Grounding) -> Tile:
    """A concept's map over its image, or why there is none."""
    if side.concept is None:
        return Tile(f"no concept in the {name}", reason="The instruction names nothing to look for in this image.")
    if not side.instances:
        return Tile(f"{side.concept}: not found", reason=f"Nothing was found in the {name}.")
    return Tile(f"{side.concept}: {side.instances} found", overlaid(image, side.attention))


def overlaid(image: Image, attention: NDArray[np.float32]) -> Image:
    """The image in grey, in colour where the attention is high; at the size of a tile."""
    small = fit(image)
    height, width = small.shape[:2]
    share = np.asarray(cv2.resize(attention, (width, height), interpolation=cv2.INTER_AREA), np.float32)[:, :, None]
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)[:, :, None]
    bright = 0.3 * grey + 0.7 * heat(share[:, :, 0])
    mixed: Image = np.clip(np.rint(0.5 * grey * (1 - share) + bright * share), 0, 255).astype(np.uint8)
    return mixed


def stretched(cells: Image, image: Image) -> Image:
    """A lattice's colours in the image's shape at the size of a tile, each cell still to be seen."""
    height, width = fit(image).shape[:2]
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)  # type: ignore[return-value]


def heat(values: NDArray[np.float32]) -> Image:
    """Colours of values in [0, 1]: H x W x 3, uint8, dark to bright."""
    levels = np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)  # type: ignore[return-value]
