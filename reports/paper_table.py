"""Our numbers beside a published table's: the part that such reports share, whatever their rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reports import footer, markup
from reports.cells import Cells, fill, mean_cell, rounded
from reports.grid import Line
from reports.options import TextFormat
from reports.paper_numbers import AVERAGE

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.grid import Grid
    from reports.paper_numbers import PaperTable

DEFAULT_METRICS = ("f1", "iou")
CSV_COLUMNS = (
    *("dataset", "metric", "ours", "stderr", "low", "high", "n", "failed", "skipped"),
    *("paper", "difference", "missing"),
)
"""After the column that names the row."""
AVERAGE_LINE = Line(("average", ""), AVERAGE, AVERAGE)


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """A table's data, apart from any format.

    Attributes:
        word: what a row is, in one word.
        rows: the published ones, those that nobody ran included, then the others.
        columns: the published datasets, the average, then other datasets.
        metrics: names of metrics, one table each.
        cells: by (row, column, metric); every combination is there.
        composited: columns that a threshold of 1 solves.
        intervals: whether standard errors and intervals were computed and are shown.
        notes: what a reader must know, plain text.
        missing: what keeps rows that nobody ran from being run here.
    """

    word: str
    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    metrics: tuple[str, ...]
    cells: Cells
    composited: frozenset[Line]
    intervals: bool
    notes: tuple[str, ...]
    missing: Mapping[Line, str] = field(default_factory=dict)


def compare(
    reader: ResultReader,
    grid: Grid,
    paper: PaperTable,
    metrics: Sequence[str],
    conventions: Conventions | None,
    *,
    word: str,
    source: str,
    about: Iterable[str] = (),
    missing: Mapping[Line, str] | None = None,
    intervals: bool = False,
    seed: int = 0,
) -> ComparedTable:
    """Compute a table.

    Args:
        reader: the results.
        grid: which run belongs into which cell.
        paper: the published numbers.
        metrics: names as in `imlbench.metrics.METRICS`.
        conventions: None = the published tables'.
        word: what a row is.
        source: where the published numbers are from.
        about: notes of this table alone.
        missing: what keeps rows that nobody ran from being run here.
        intervals: whether to compute and show standard errors and bootstrap intervals.
        seed: of the bootstrap.

    Raises:
        UserError: an unknown metric.
    """
    from imlbench.metrics import Conventions, metric
    from imlbench.statistics import RESAMPLES

    chosen = conventions or Conventions()
    names = tuple(dict.fromkeys(metric(name).name for name in metrics))
    cells = fill(reader, grid, paper, names, chosen, resamples=RESAMPLES if intervals else 0, seed=seed)
    for row in grid.rows:
        for name in names:
            cells[row, AVERAGE_LINE, name] = mean_cell(cells, row, grid.columns, name, paper)
    published = [column for column in grid.columns if column.paper]
    others = [column for column in grid.columns if not column.paper]
    composited = footer.composited_columns(reader, grid)
    notes = [
        f"In parentheses: the number of {source}, and ours minus it; {markup.NOTHING} where nothing was scored.",
        *about,
        *make_notes(reader, grid, names, chosen, composited, seed if intervals else None),
    ]
    columns = (*published, AVERAGE_LINE, *others)
    return ComparedTable(word, grid.rows, columns, names, cells, composited, intervals, tuple(notes), missing or {})


def make_notes(
    reader: ResultReader,
    grid: Grid,
    metrics: Sequence[str],
    conventions: Conventions,
    composited: frozenset[Line],
    interval_seed: int | None,
) -> Iterator[str]:
    """The footer's part that holds for every such table."""
    from imlbench.metrics import Conventions

    if conventions != Conventions():
        yield f"Warning: the paper's numbers stand for {Conventions()}; the differences mix conventions."
    yield from footer.convention_notes(conventions, metrics)
    if interval_seed is not None:
        yield footer.interval_note(conventions, interval_seed)
    error = "; its error takes them as independent" if interval_seed is not None else ""
    yield f"Average: plain mean of the five published datasets, where all five were run{error}."
    for column in grid.columns:
        runs = grid.column_runs(column)
        if runs:
            yield from footer.dataset_note(reader, column, runs)
    if composited:
        labels = ", ".join(column.label for column in grid.columns if column in composited)
        yield f"{markup.DAGGER} composited ({labels}): {footer.COMPOSITED}."
    yield from footer.choice_notes(grid)
    yield footer.software_note(reader, [run for column in grid.columns for _, run in grid.column_runs(column)])


def sheets(table: ComparedTable) -> list[markup.Sheet]:
    """One sheet per metric."""
    from imlbench.metrics import metric

    marks = {column: markup.DAGGER if column in table.composited else "" for column in table.columns}
    header = (table.word.capitalize(), *(column.label + marks[column] for column in table.columns))
    return [
        markup.Sheet(
            f"{metric(name).title} (%)",
            header,
            tuple(
                ((row.label,), *(table.cells[row, column, name].parts(table.intervals) for column in table.columns))
                for row in table.rows
            ),
        )
        for name in table.metrics
    ]


def row_label(row: Line) -> str:
    """A row as the formats for people call it."""
    return row.label


def render(table: ComparedTable, form: TextFormat, name: Callable[[Line], str] = row_label) -> str:
    """The table as text in one of the formats; `name` is what CSV calls a row."""
    if form == TextFormat.CSV:
        return markup.csv_text((table.word, *CSV_COLUMNS), long_rows(table, name))
    write = markup.latex if form == TextFormat.LATEX else markup.markdown
    return write(sheets(table), table.notes)


def long_rows(table: ComparedTable, name: Callable[[Line], str]) -> Iterator[list[str | float | int | None]]:
    """One row per cell, numbers in per cent; None where unknown."""
    for metric in table.metrics:
        for row in table.rows:
            for column in table.columns:
                cell = table.cells[row, column, metric]
                yield [
                    name(row),
                    column.label,
                    metric,
                    *cell.numbers(),
                    None if cell.run is None else cell.run.total("failed"),
                    None if cell.run is None else cell.run.total("skipped"),
                    cell.paper,
                    rounded(cell.difference),
                    table.missing.get(row),
                ]
