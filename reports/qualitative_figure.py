"""Draws a grid of pictures on a page laid out in inches, so that nothing moves with the number of rows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from imlbench.errors import one_line
from reports.figures import plain
from reports.qualitative_tiles import FALSE_ALARM, MISSED, RIGHT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imlbench.samples import Image
    from reports.qualitative_tiles import PictureGrid, PictureRow, Tile

TILE, GAP, MARGIN = 1.3, 0.06, 0.1
"""Inches: side of a tile, space between two, space around all."""
ROW_GAP, CAPTION, HEAD_GAP = 0.14, 0.15, 0.08
HEADING_SIZE, TEXT_SIZE, SMALL_SIZE = 8.0, 7.5, 6.5
"""Points."""
INK, FADED, EMPTY, EDGE = "#1a1a1a", "#5f5f5f", "#e4e4e4", "#b0b0b0"
TALLEST = 1.5
"""A tile is at most this many times as high as wide; taller pictures are drawn narrower."""
HINTED = 1.04
"""Letters snapped to the pixels of a PNG are up to so many times as wide as their outlines."""
TEXT_LIMIT = 1000
"""Characters of a text looked at: more than is shown, few enough to be measured quickly."""


class Page:
    """A figure on which things are placed by inches from the left and from the top.

    Args:
        width: inches.
        height: inches.
    """

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height))

    def write(self, text: str, left: float, top: float, size: float, colour: str = INK, **options: Any) -> None:
        """One line of text; it starts, or with ha="center" is centred, at `left`."""
        where = left / self.width, 1 - top / self.height
        self.figure.text(*where, plain(text, TEXT_LIMIT), fontsize=size, color=colour, va="top", **options)

    def show(self, pixels: Image, left: float, top: float, width: float, height: float) -> None:
        """A picture that fills a rectangle."""
        place = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place)
        # Pixels of a tiny image are shown as they are; others are fitted to the page by the renderer.
        tiny = max(pixels.shape[:2]) < 64
        axes.imshow(pixels, aspect="auto", interpolation="nearest" if tiny else "antialiased")
        axes.set(xticks=[], yticks=[])
        # A white picture on white paper still has edges.
        for spine in axes.spines.values():
            spine.set(linewidth=0.4, edgecolor=EDGE)

    def fill(self, colour: object, left: float, top: float, width: float, height: float, edge: str = "none") -> None:
        """A rectangle in one colour."""
        from matplotlib.patches import Rectangle

        place = left / self.width, 1 - (top + height) / self.height
        size = width / self.width, height / self.height
        self.figure.add_artist(Rectangle(place, *size, facecolor=colour, edgecolor=edge, linewidth=0.5))


def draw(grid: PictureGrid) -> Figure:
    """A figure of all rows, with the titles above and the notes below."""
    columns = len(grid.columns)
    inner = columns * TILE + (columns - 1) * GAP
    width = inner + 2 * MARGIN
    headings = [wrapped(title, HEADING_SIZE, TILE, 2) for title in grid.columns]
    notes = [line for note in grid.notes for line in wrapped(note, SMALL_SIZE, inner, 6)]
    texts = [row_lines(row, inner) for row in grid.rows]
    heights = [row_height(row) for row in grid.rows]
    head = max(len(lines) for lines in headings) * line(HEADING_SIZE) + HEAD_GAP
    body = sum(high + len(lines) * line(TEXT_SIZE) for high, lines in zip(heights, texts, strict=True))
    legend = 0.2 if grid.errors else 0.0
    foot = legend + len(notes) * line(SMALL_SIZE)
    page = Page(width, 2 * MARGIN + head + body + foot)

    for index, lines in enumerate(headings):
        # Titles stand at the foot of their space, next to what they name.
        top = MARGIN + head - HEAD_GAP - len(lines) * line(HEADING_SIZE)
        write_lines(page, lines, left_of(index) + TILE / 2, top, HEADING_SIZE, INK, ha="center")
    top = MARGIN + head
    for row, lines, high in zip(grid.rows, texts, heights, strict=True):
        write_lines(page, lines, MARGIN, top, TEXT_SIZE, INK)
        draw_row(page, row, top + len(lines) * line(TEXT_SIZE))
        top += len(lines) * line(TEXT_SIZE) + high
    if grid.errors:
        draw_legend(page, top)
    write_lines(page, notes, MARGIN, top + legend, SMALL_SIZE, FADED)
    return page.figure


def left_of(column: int) -> float:
    """Inches from the left of a column."""
    return MARGIN + column * (TILE + GAP)


def line(size: float) -> float:
    """Inches from one line of text to the next."""
    return 1.35 * size / 72


def row_lines(row: PictureRow, width: float) -> list[str]:
    """The id and the instruction of a sample, on at most two lines."""
    name = shortened(drawable(row.sample_id), TEXT_SIZE, width / 2)
    return wrapped(f"{name}: {one_line(row.text, TEXT_LIMIT)}" if row.text else name, TEXT_SIZE, width, 2)


def row_height(row: PictureRow) -> float:
    """Inches of a row without its text."""
    return box_height(row) + CAPTION + ROW_GAP


def box_height(row: PictureRow) -> float:
    """Inches that the tallest picture of a row takes."""
    shapes = [tile.pixels.shape for tile in row.tiles if tile.pixels is not None]
    ratio = max((shape[0] / shape[1] for shape in shapes), default=0.6)
    # A strip of a few pixels would leave no room for the reason of a tile that is missing.
    return TILE * min(max(ratio, 0.4), TALLEST)


def draw_row(page: Page, row: PictureRow, top: float) -> None:
    """The tiles of a sample and what stands below them."""
    high = box_height(row)
    for index, tile in enumerate(row.tiles):
        draw_tile(page, tile, left_of(index), top, high)
        caption = shortened(drawable(tile.caption), SMALL_SIZE, TILE)
        page.write(caption, left_of(index) + TILE / 2, top + high + 0.025, SMALL_SIZE, FADED, ha="center")


def draw_tile(page: Page, tile: Tile, left: float, top: float, high: float) -> None:
    """A picture in the middle of its box, or a grey box that says why there is none."""
    if tile.pixels is None:
        page.fill(EMPTY, left, top, TILE, high)
        room = max(1, int((high - 0.1) / line(SMALL_SIZE)))
        lines = wrapped(tile.reason or "nothing to show", SMALL_SIZE, TILE - 0.12, room)
        write_lines(page, lines, left + 0.06, top + 0.05, SMALL_SIZE, INK)
        return
    height, width = tile.pixels.shape[:2]
    scale = min(TILE / width, high / height)
    size = width * scale, height * scale
    page.show(tile.pixels, left + (TILE - size[0]) / 2, top + (high - size[1]) / 2, *size)


def draw_legend(page: Page, top: float) -> None:
    """What the colours of the errors mean."""
    left = MARGIN
    for colour, text in ((RIGHT, "edited, found"), (FALSE_ALARM, "false alarm"), (MISSED, "edited, missed")):
        page.fill([value / 255 for value in colour], left, top + 0.005, 0.12, 0.1, edge="0.3")
        page.write(text, left + 0.17, top, SMALL_SIZE)
        left += 0.17 + text_width(text, SMALL_SIZE) + 0.2


def write_lines(page: Page, lines: list[str], left: float, top: float, size: float, colour: str, **how: Any) -> None:
    """Lines of text below one another."""
    for index, text in enumerate(lines):
        page.write(text, left, top + index * line(size), size, colour, **how)


@cache
def can_draw(character: str) -> bool:
    """Whether the figure's font has the character."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return bool(get_font(findfont(FontProperties())).get_char_index(ord(character)))


def drawable(text: str) -> str:
    """`text` on one line, with a question mark for each character that the font lacks."""
    return "".join(character if can_draw(character) else "?" for character in one_line(text, TEXT_LIMIT))


@cache
def character_width(character: str, size: float) -> float:
    """Inches that a character takes."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    # A space alone has no ink and would measure nothing.
    both, alone = (
        text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0]
        for text in (f"x{character}x", "xx")
    )
    return HINTED * float(both - alone) / 72


def text_width(text: str, size: float) -> float:
    """Inches that a line of drawable text takes."""
    return sum(character_width(character, size) for character in text)


def shortened(text: str, size: float, width: float) -> str:
    """Drawable text of at most `width` inches; three dots end one that was cut."""
    if text_width(text, size) <= width:
        return text
    kept = text
    while kept and text_width(f"{kept}...", size) > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}..."


def wrapped(text: str, size: float, width: float, lines: int) -> list[str]:
    """`text` as at most `lines` lines of at most `width` inches; dots end a text that was cut."""
    rest = drawable(text)
    found: list[str] = []
    while rest and len(found) < lines - 1:
        end = fitting(rest, size, width)
        found.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*found, shortened(rest, size, width)] if rest else found


def fitting(text: str, size: float, width: float) -> int:
    """Number of the first characters that fit, at least 1; fewer where that breaks the line at a space."""
    total = 0.0
    for end, character in enumerate(text):
        total += character_width(character, size)
        if total > width:
            return text.rfind(" ", 1, end + 1) if text.rfind(" ", 1, end + 1) > 0 else max(1, end)
    return len(text)
