"""Tables of text as Markdown and CSV; all text may come from a third party and is escaped here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from imlbench.errors import one_line

MARKDOWN_SPECIAL = re.compile(r"([\\`*_|~$#\[\]])")
MARKDOWN_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
FORMULA = re.compile(r"\s*[=+\-@\t\r]")
"""How text begins that a spreadsheet takes for a formula."""

Field = str | int | float | None


def markdown_text(text: object, limit: int = 200) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no line break."""
    flat = "".join(MARKDOWN_ENTITIES.get(character, character) for character in one_line(text, limit))
    return MARKDOWN_SPECIAL.sub(r"\\\1", flat)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], words: int) -> str:
    """A table in GitHub's notation; the first columns hold words, the others numbers, aligned to the right."""
    rule = ["---"] * words + ["---:"] * (len(header) - words)
    lines = [[markdown_text(name) for name in header], rule]
    lines += [[markdown_text(cell) for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Field]]) -> str:
    """CSV with the names of the columns; None is an empty field, numbers are written as they are."""
    buffer = io.StringIO(newline="")
    # With this line end both of its characters are quoted inside a field.
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([neutral(value) if isinstance(value, str) else value for value in row])
    return buffer.getvalue()


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that begins like a formula gets an apostrophe before it."""
    return f"'{text}" if FORMULA.match(text) else text
