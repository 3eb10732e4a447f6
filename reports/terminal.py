"""Sheets on a terminal: whole numbers at any width, never cut ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imlbench.errors import one_line
from reports import markup

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reports.markup import Parts, Sheet

LONGEST_WORDS = 28


def print_sheets(sheets: Sequence[Sheet], notes: Sequence[str], console: Console | None = None) -> None:
    """Print sheets and notes.

    Where the terminal is too narrow, the parts of a cell are stacked; then columns without a number of our own are
    left out, which a note says; then the sheet is split into blocks of columns.
    """
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = console or Console()
    omitted: dict[str, None] = {}
    for sheet in sheets:
        columns, stacked, dropped = layout(sheet, console)
        omitted |= dict.fromkeys(dropped)
        for block in blocks(sheet, columns, stacked, console):
            console.print(block)
    hint = f"Left out for lack of room, as they hold no number of ours: {', '.join(omitted)}; -o FILE writes them."
    for note in (hint, *notes) if omitted else notes:
        style = "bold" if note.startswith("Warning") else "dim"
        console.print(Padding(Text(one_line(note, 10_000), style=style), (0, 0, 0, 2)))


def layout(sheet: Sheet, console: Console) -> tuple[list[int], bool, list[str]]:
    """Columns to show, whether cells are stacked, and the names of the columns that are left out."""
    columns = list(range(sheet.words, len(sheet.header)))
    for stacked in (False, True):
        if fits(make_table(sheet, columns, stacked), console):
            return columns, stacked, []
    filled = [column for column in columns if sheet.has_numbers(column)] or columns
    dropped = [sheet.header[column] for column in columns if column not in filled]
    return filled, not fits(make_table(sheet, filled, False), console), dropped


def blocks(sheet: Sheet, columns: Sequence[int], stacked: bool, console: Console) -> Iterator[Table]:
    """One table if all columns fit, else several with as many columns each as fit, one at least."""
    while columns:
        count = len(columns)
        while count > 1 and not fits(make_table(sheet, columns[:count], stacked), console):
            count -= 1
        yield make_table(sheet, columns[:count], stacked)
        columns = columns[count:]


def fits(table: Table, console: Console) -> bool:
    """Whether the table is shown without folding a cell."""
    # An unlimited width, so that the natural one is measured and not one cut to the terminal.
    natural = console.measure(table, options=console.options.update(max_width=100_000)).maximum
    return natural <= console.width


def make_table(sheet: Sheet, columns: Sequence[int], stacked: bool) -> Table:
    """A table of the sheet's words and some of its other columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(sheet.title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    chosen = [*range(sheet.words), *columns]
    for index in chosen:
        words = index < sheet.words
        table.add_column(
            Text(one_line(sheet.header[index], 40)),
            justify="left" if words else "right",
            no_wrap=not words,
            overflow="fold",
            max_width=LONGEST_WORDS if words else None,
        )
    for row in sheet.rows:
        cells = [row[index] for index in chosen]
        if stacked:
            cells = list(zip(*markup.stacked(cells), strict=True))
        table.add_row(*(cell_text(parts, "\n" if stacked else " ") for parts in cells))
    return table


def cell_text(parts: Parts, separator: str) -> Text:
    """A cell; what follows its first part is dim."""
    from rich.text import Text

    text = Text(one_line(parts[0], 200))
    for part in parts[1:]:
        if part or separator == "\n":
            text.append(separator).append(one_line(part, 200), style="dim")
    return text
