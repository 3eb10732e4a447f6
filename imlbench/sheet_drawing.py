"""Drawing of a contact sheet: a header, then a row per sample with words at the left and four tiles beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from imlbench.sheet_text import font, wrap

if TYPE_CHECKING:
    from imlbench.samples import Image, Mask

TILE, GAP, MARGIN = 224, 12, 24
TEXT_WIDTH = 248
CAPTION_HEIGHT = 20
HEADER_HEIGHT = 96
ROW_HEIGHT = TILE + CAPTION_HEIGHT + 2 * GAP
TITLE_SIZE, NAME_SIZE, TEXT_SIZE, CAPTION_SIZE = 20, 14, 13, 12

PAPER, INK, FADED, EMPTY, BROKEN, BORDER = "white", "#1a1a1a", "#6b6b6b", "#f2f2f2", "#fdeeee", "#d0d0d0"
OUTLINE = (255, 0, 170)
TILES = 4


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a row.

    Attributes:
        caption: the line below it.
        pixels: H x W x 3, uint8, RGB; None where there is nothing to show.
        reason: why there is nothing to show.
        broken: whether that is a defect.
        outline: H x W, bool: a mask whose outline is drawn over the picture.
    """

    caption: str
    pixels: Image | None = None
    reason: str = ""
    broken: bool = False
    outline: Mask | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One sample on the sheet: its name, facts about it, the text that goes with it, and four tiles."""

    name: str
    text: str
    facts: tuple[str, ...]
    tiles: tuple[Tile, Tile, Tile, Tile]


def draw_sheet(title: str, notes: Sequence[str], total: int, rows: Iterable[Row]) -> PillowImage.Image:
    """Draw the header and `total` rows."""
    width = 2 * MARGIN + TEXT_WIDTH + TILES * (GAP + TILE)
    sheet = PillowImage.new("RGB", (width, HEADER_HEIGHT + total * ROW_HEIGHT + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    draw_lines(pen, (MARGIN, MARGIN - 6), wrap(title, TITLE_SIZE, width - 2 * MARGIN, 1), TITLE_SIZE, INK)
    for index, note in enumerate(notes):
        where = (MARGIN, MARGIN + 24 + index * line_height(CAPTION_SIZE))
        draw_lines(pen, where, wrap(note, CAPTION_SIZE, width - 2 * MARGIN, 1), CAPTION_SIZE, FADED)
    for index, row in enumerate(rows):
        draw_row(sheet, HEADER_HEIGHT + index * ROW_HEIGHT, row)
    return sheet


def draw_row(sheet: PillowImage.Image, top: int, row: Row) -> None:
    """Draw the words of a sample at the left, its tiles beside them."""
    pen = ImageDraw.Draw(sheet)
    place = (MARGIN, top)
    place = draw_lines(pen, place, wrap(row.name, NAME_SIZE, TEXT_WIDTH, 3), NAME_SIZE, INK)
    place = draw_lines(pen, (MARGIN, place[1] + 4), wrap(row.text, TEXT_SIZE, TEXT_WIDTH, 6), TEXT_SIZE, INK)
    place = (MARGIN, place[1] + 4)
    for fact in row.facts:
        room = (top + TILE - place[1]) // line_height(TEXT_SIZE)
        place = draw_lines(pen, place, wrap(fact, TEXT_SIZE, TEXT_WIDTH, min(2, room)), TEXT_SIZE, FADED)
    for index, tile in enumerate(row.tiles):
        left = MARGIN + TEXT_WIDTH + GAP + index * (TILE + GAP)
        draw_tile(sheet, (left, top), tile)
        draw_lines(pen, (left, top + TILE + 4), wrap(tile.caption, CAPTION_SIZE, TILE, 1), CAPTION_SIZE, FADED)


def draw_lines(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], lines: Sequence[str], size: int, colour: str
) -> tuple[int, int]:
    """Draw lines of text below one another from `place` on; returns where the next one goes."""
    left, top = place
    for line in lines:
        pen.text((left, top), line, fill=colour, font=font(size))
        top += line_height(size)
    return left, top


def line_height(size: int) -> int:
    """Pixels from one line to the next."""
    return round(1.35 * size)


def draw_tile(sheet: PillowImage.Image, place: tuple[int, int], tile: Tile) -> None:
    """Draw a picture in the middle of its square, or why there is none."""
    pen = ImageDraw.Draw(sheet)
    left, top = place
    # The border lies around the square: a white picture on white paper still has edges.
    background = BROKEN if tile.broken else EMPTY
    pen.rectangle((left - 1, top - 1, left + TILE, top + TILE), fill=background, outline=BORDER)
    if tile.pixels is None:
        draw_lines(pen, (left + 10, top + 10), wrap(tile.reason, TEXT_SIZE, TILE - 20, 10), TEXT_SIZE, INK)
        return
    picture = fit(tile.pixels)
    if tile.outline is not None:
        picture = outlined(picture, tile.outline)
    height, width = picture.shape[:2]
    sheet.paste(PillowImage.fromarray(picture), (left + (TILE - width) // 2, top + (TILE - height) // 2))


def fit(pixels: Image) -> Image:
    """The image at the largest size that fits a tile."""
    height, width = pixels.shape[:2]
    scale = TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Pixels of tiny images are shown as they are: a filter would make them look like a photograph.
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST if scale > 4 else cv2.INTER_CUBIC
    return cv2.resize(pixels, size, interpolation=method)  # type: ignore[return-value]


def outlined(picture: Image, mask: Mask) -> Image:
    """The picture with the mask's outline: two pixels in colour inside the region, one in white around it."""
    height, width = picture.shape[:2]
    # Whatever the mask marks shows: a region smaller than a pixel of the tile is not lost.
    share = cv2.resize(mask.view(np.uint8) * np.float32(1), (width, height), interpolation=cv2.INTER_AREA)
    region = (share > min(0.5, 0.5 * float(share.max()))).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    square = np.ones((3, 3), np.uint8)
    # Without the frame, a region that reaches the border has a line along the border too.
    inner = cv2.erode(region, square, iterations=2, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    drawn = picture.copy()
    drawn[(cv2.dilate(region, cross) > 0) & (region == 0)] = 255
    drawn[(region > 0) & (inner == 0)] = OUTLINE
    return drawn
