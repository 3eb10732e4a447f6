"""Text on drawings: one line, wrapped to a width in pixels, with what the font cannot draw replaced."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

from imlbench.errors import one_line

PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "×": "x", "ß": "ss", "…": "..."})
"""Signs that writers use and the font lacks."""
TEXT_LIMIT = 1000
"""Characters looked at; more than can be shown, and few enough to be measured quickly."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The scalable font that Pillow brings, at a size in pixels."""
    chosen = ImageFont.load_default(size)
    # The bitmap font of a Pillow without FreeType cannot be scaled; its published wheels all have FreeType.
    assert isinstance(chosen, ImageFont.FreeTypeFont)
    return chosen


@cache
def can_draw(character: str) -> bool:
    """Whether the font has the character: those that it lacks look like one that no font has."""
    mask, missing = (font(16).getmask(text) for text in (character, "\uffff"))
    return mask.size != missing.size or bytes(mask) != bytes(missing)


def drawable(text: str) -> str:
    """`text` on one line, without accents, with a question mark for each character that the font lacks."""
    # Control characters are replaced before accents are parted from their letters, unpaired surrogates with them.
    plain = unicodedata.normalize("NFKD", one_line(text, TEXT_LIMIT).translate(PLAIN))
    letters = (character for character in plain if not unicodedata.combining(character))
    return "".join(character if can_draw(character) else "?" for character in letters)


def wrap(text: str, size: int, width: int, lines: int) -> list[str]:
    """`text` as at most `lines` lines of at most `width` pixels; dots end a text that was cut.

    A word longer than a line, such as a file name, is broken after a sign, or else anywhere.
    """
    rest = drawable(text)
    wrapped: list[str] = []
    while rest and len(wrapped) < lines:
        end = fitting(rest, size, width)
        if end < len(rest):
            end = break_before(rest, end)
        wrapped.append(rest[:end])
        rest = rest[end:].lstrip()
    if rest and wrapped:
        wrapped[-1] = shorten(wrapped[-1] + "...", size, width)
    return wrapped


def break_before(text: str, end: int) -> int:
    """Where to break `text` whose first `end` characters fit: at a space, else after one of "_-/.", else there."""
    space = text.rfind(" ", 1, end + 1)
    if space > 0:
        return space
    sign = max(text.rfind(sign, 0, end) for sign in "_-/.")
    # A line of less than half the width would waste more than the break saves.
    return sign + 1 if sign + 1 > end // 2 else end


def fitting(text: str, size: int, width: int) -> int:
    """Number of the first characters of `text` that fit into `width` pixels, at least 1."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font(size).getlength(text[:middle]) <= width else (low, middle - 1)
    return low


def shorten(text: str, size: int, width: int) -> str:
    """`text`, which ends in three dots, cut before them so that it fits into `width` pixels."""
    kept = text[:-3]
    while kept and font(size).getlength(kept + "...") > width:
        kept = kept[:-1]
    return kept.rstrip() + "..."
