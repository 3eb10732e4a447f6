"""Which stored run belongs into which cell of the table annotators x datasets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imlbench.errors import UserError
from imlbench.registry import natural_key
from reports.kinds import MAKERS, chosen_kind

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader, StoredRun
    from reports.paper_numbers import PaperTable

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A row or a column of the grid.

    Attributes:
        key: tells it from the others, whatever the labels.
        label: its name in the table.
        paper: its name in the published table, empty where it is not in it.
    """

    key: Key
    label: str
    paper: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows, columns, and the runs of each cell, the newest first.

    Attributes:
        rows: the published annotators in the published order, then the others in natural order.
        columns: likewise the datasets, without the average.
        runs: by (row key, column key); cells without a run are absent.
    """

    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    runs: Mapping[tuple[Key, Key], tuple[StoredRun, ...]]

    def shown(self, row: Line, column: Line) -> StoredRun | None:
        """The run that fills a cell."""
        runs = self.runs.get((row.key, column.key))
        return runs[0] if runs else None

    def column_runs(self, column: Line) -> list[tuple[Line, StoredRun]]:
        """The rows that have a run in the column, with the run that is shown."""
        found = [(row, self.shown(row, column)) for row in self.rows]
        return [(row, run) for row, run in found if run is not None]


def clean_runs(reader: ResultReader, kind: str = "annotator") -> list[StoredRun]:
    """Runs on unperturbed images, in the order in which they were made.

    Args:
        reader: the results.
        kind: of the adapters: annotator or detector.

    Raises:
        UserError: there is none; the message says what there is instead.
    """
    runs = reader.runs(kind)
    clean = [stored for stored in runs if not stored.run.perturbation]
    if not clean:
        found = f"{len(runs)} runs of {kind}s, all on perturbed images" if runs else f"no runs of {kind}s"
        raise UserError(f"{reader.path}: {found}: `imlbench {MAKERS[kind]} --out DIR` makes some")
    return clean


def clean_runs_of(
    reader: ResultReader, annotators: Sequence[str] | None, detectors: Sequence[str] | None
) -> list[StoredRun]:
    """`clean_runs` of the kind that was asked for by name; without names, of annotators where there are any.

    Raises:
        UserError: both kinds were named, or there is no run of the kind.
    """
    clean = (stored for stored in reader.runs() if not stored.run.perturbation)
    return clean_runs(reader, chosen_kind(clean, bool(annotators), bool(detectors)))


def make_grid(runs: Iterable[StoredRun], paper: PaperTable) -> Grid:
    """Sort runs into cells: by title into the published rows, by published name into the published columns."""
    newest_last = sorted(runs, key=lambda stored: stored.recorded)
    adapters = {stored.run.adapter: (stored.run.adapter_title, stored.run.adapter_title) for stored in newest_last}
    datasets = {stored.run.dataset: (stored.run.dataset_title, stored.run.paper_dataset) for stored in newest_last}
    cells: dict[tuple[Key, Key], list[StoredRun]] = {}
    for stored in reversed(newest_last):
        cells.setdefault((("own", stored.run.adapter), ("own", stored.run.dataset)), []).append(stored)
    return Grid(
        tuple(lines(adapters, paper.rows)),
        tuple(lines(datasets, paper.columns)),
        {key: tuple(found) for key, found in cells.items()},
    )


def lines(entries: Mapping[str, tuple[str, str]], published: Sequence[str]) -> Iterator[Line]:
    """Published lines first, those that nobody ran included, then all others in natural order.

    Args:
        entries: registered name -> title, and name in the published table.
        published: names in the published table, in its order.
    """
    labels = {name: paper if paper in published else title for name, (title, paper) in entries.items()}
    shared = Counter(labels.values())

    def line(name: str) -> Line:
        label, paper = labels[name], entries[name][1]
        # Two packages may use one title; the registered names tell them apart.
        full = label if shared[label] == 1 else f"{label} [{name}]"
        return Line(("own", name), full, paper if paper in published else "")

    names = sorted(entries, key=natural_key)
    for title in published:
        claims = [line(name) for name in names if entries[name][1] == title]
        yield from claims or [Line(("published", title), title, title)]
    yield from (line(name) for name in names if entries[name][1] not in published)
