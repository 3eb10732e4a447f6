"""Sheets of text as Markdown, LaTeX or CSV. All text may come from a third party and is escaped here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imlbench.errors import one_line
from imlbench.text_tables import neutral

DAGGER = "†"
LONGEST_LABEL = 120

NOTHING = "-"
"""What stands in a cell that was never run: neither zero nor blank."""

Parts = tuple[str, ...]
"""A cell: its parts stand beside one another where there is room, and below one another where there is not."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text, not escaped yet.

    Attributes:
        title: what stands above it.
        header: one text per column.
        rows: one cell per column.
        words: number of leading columns that hold words; the others hold numbers.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Parts, ...], ...]
    words: int = 1

    def has_numbers(self, column: int) -> bool:
        """Whether any cell of the column holds a number of our own."""
        return any(row[column][0] != NOTHING for row in self.rows)


def stacked(row: Sequence[Parts]) -> list[tuple[str, ...]]:
    """A row as lines: first parts, second parts and so on; lines without any text are left out."""
    deep = range(max(len(parts) for parts in row))
    lines = [tuple(parts[level] if level < len(parts) else "" for parts in row) for level in deep]
    return [line for level, line in enumerate(lines) if level == 0 or any(line)]


def side_by_side(parts: Parts) -> str:
    """A cell on one line."""
    return " ".join(part for part in parts if part)


# A bracket is markup only where something is linked to it, and would make intervals hard to read if escaped always.
MARKDOWN_SPECIAL = re.compile(r"([\\`*_|~$#]|\](?=[(\[:]))")
MARKDOWN_ENTITIES = {"&": "&amp;", "<": "&lt;"}


def markdown_text(text: str, limit: int = LONGEST_LABEL) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no formula, no line break."""
    flat = "".join(MARKDOWN_ENTITIES.get(character, character) for character in one_line(text, limit))
    return MARKDOWN_SPECIAL.sub(r"\\\1", flat)


def markdown(sheets: Iterable[Sheet], notes: Iterable[str]) -> str:
    """Sheets as GitHub's tables, the notes as a list below."""
    blocks = []
    for sheet in sheets:
        rule = ["---"] * sheet.words + ["---:"] * (len(sheet.header) - sheet.words)
        lines = [[markdown_text(name) for name in sheet.header], rule]
        lines += [[markdown_text(side_by_side(parts)) for parts in row] for row in sheet.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        blocks.append(f"### {markdown_text(sheet.title)}\n\n{table}\n")
    blocks.append("".join(f"- {markdown_text(note, 10_000)}\n" for note in notes))
    return "\n".join(blocks)


LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "`": r"\textasciigrave{}",
    # The default font encoding prints other characters in place of these.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    # At the start of a row these would be read as an argument of the line break before them.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    DAGGER: r"$^{\dagger}$",
}
LATIN = set("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")


def latex_text(text: str, limit: int = LONGEST_LABEL) -> str:
    """Text that LaTeX sets as it is; characters that its default fonts lack become [U+4E2D]."""
    escaped = "".join(latex_character(character) for character in one_line(text, limit))
    # Two in a row would become one dash.
    return re.sub(r"-(?=-)", "-{}", escaped)


def latex_character(character: str) -> str:
    """One character, escaped."""
    if character in LATEX_SPECIAL:
        return LATEX_SPECIAL[character]
    known = character.isascii() or character in LATIN
    return character if known else f"{{[}}U+{ord(character):04X}{{]}}"


def latex(sheets: Iterable[Sheet], notes: Iterable[str]) -> str:
    r"""Sheets as booktabs tables, ready for \input; the parts of a cell stand below one another."""
    blocks = [
        "% Needs \\usepackage{booktabs} and nothing else. Wide tables fit better on a landscape page.",
        *(latex_table(sheet) for sheet in sheets),
    ]
    items = "\n".join(rf"\item {latex_text(note, 10_000)}" for note in notes)
    if items:
        blocks.append(f"{{\\footnotesize\n\\begin{{itemize}}\n{items}\n\\end{{itemize}}\n}}")
    return "\n\n".join(blocks) + "\n"


def latex_table(sheet: Sheet) -> str:
    """One floating table."""
    aligned = "l" * sheet.words + "r" * (len(sheet.header) - sheet.words)
    rows = "\n".join(latex_row(row) for row in sheet.rows)
    return "\n".join(
        (
            r"\begin{table}[htbp]",
            r"\centering",
            rf"\caption{{{latex_text(sheet.title)}}}",
            r"\scriptsize",
            r"\setlength{\tabcolsep}{3pt}",
            rf"\begin{{tabular}}{{{aligned}}}",
            r"\toprule",
            " & ".join(latex_text(name) for name in sheet.header) + r" \\",
            r"\midrule",
            rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        )
    )


def latex_row(row: Sequence[Parts]) -> str:
    """One row of text, or as many lines as its longest cell has parts."""
    first, *others = [[latex_text(text) for text in line] for line in stacked(row)]
    lines = [first, *([f"{{\\tiny {text}}}" if text else "" for text in line] for line in others)]
    return "\n".join(" & ".join(line) + r" \\" for line in lines)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str | float | int | None]]) -> str:
    """CSV with a line for the names of the columns; None is an empty field, numbers are written as they are."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([neutral(value) if isinstance(value, str) else value for value in row])
    return buffer.getvalue()
