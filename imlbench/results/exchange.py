"""Results to Parquet, CSV and JSON, and back: lossless, streamed, whole or not at all."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imlbench.errors import UserError, one_line
from imlbench.files import replacing
from imlbench.results.choosing import listed
from imlbench.results.database import database_path
from imlbench.results.joining import Joined, Joiner
from imlbench.results.reading import ResultReader, StoredRun
from imlbench.results.row_checks import check_row
from imlbench.results.row_reading import read_rows
from imlbench.results.row_writing import FileFormat, file_format, write_rows
from imlbench.results.rows import RowError, count_rows, stored_rows
from imlbench.results.target import changed_whole
from imlbench.results.verdicts import Keep

NAMED = 3
"""Rejected rows named in a message."""


@dataclass(slots=True)
class Rejected:
    """Rows that were refused.

    Attributes:
        count: how many.
        first: the first of them with the reason.
    """

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: Path, number: int, error: RowError) -> None:
        """Note one."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(f"{one_line(path, 200)}, row {number}: {one_line(error, 200)}")


def export_results(
    folder: str | Path,
    output: str | Path,
    form: FileFormat | None = None,
    annotators: Sequence[str] = (),
    datasets: Sequence[str] = (),
    run_ids: Sequence[str] = (),
) -> int:
    """Write one row per run and sample; see `imlbench.results.rows` for the columns.

    Args:
        folder: the results folder.
        output: the file; one that exists is replaced when the new one is whole.
        form: None = by the file's suffix.
        annotators: names or globs; none = all.
        datasets: labels or globs; none = all.
        run_ids: beginnings of run ids; none = all.

    Returns:
        The number of rows.

    Raises:
        UserError: no usable results file, nothing to export, or the file cannot be written.
    """
    path = Path(output)
    chosen_form = file_format(path, form)
    with ResultReader(folder) as reader:
        if is_part_of(path, reader.path):
            raise UserError(f"{one_line(path)}: is the results file itself: choose another name with -o")
        with reader.snapshot():
            chosen = [stored.run_id for stored in chosen_runs(reader.runs(), annotators, datasets, run_ids)]
            total = count_rows(reader, chosen)
            if not total:
                raise UserError(f"{one_line(reader.path)}: nothing to export: no sample is stored under these runs")
            with replacing(path) as file:
                write_rows(file, chosen_form, stored_rows(reader, chosen), total)
    return total


def is_part_of(path: Path, database: Path) -> bool:
    """Whether a file is the database or one of the files beside it."""
    parts = [database, *(Path(f"{database}{suffix}") for suffix in ("-wal", "-shm", "-journal"))]
    same = path.parent.exists() and path.name in [part.name for part in parts] and path.parent.samefile(database.parent)
    return same or (path.exists() and any(part.exists() and path.samefile(part) for part in parts))


def chosen_runs(
    runs: Sequence[StoredRun], annotators: Sequence[str], datasets: Sequence[str], run_ids: Sequence[str]
) -> list[StoredRun]:
    """The runs that pass all filters.

    Raises:
        UserError: a filter lets nothing pass; the message says what there is.
    """
    filters = (
        ("annotator", "adapter", annotators),
        ("dataset", "dataset", datasets),
        ("run", "run_id", [f"{run_id.lower()}*" for run_id in run_ids]),
    )
    chosen = list(runs)
    for kind, attribute, patterns in filters:
        names = {stored.run_id: str(getattr(stored.run, attribute)) for stored in chosen}
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names.values()):
                there = listed(set(names.values())) or "no runs"
                raise UserError(f"no {kind} {one_line(pattern, 120)!r}; the results hold {there}")
        if patterns:
            chosen = [one for one in chosen if any(fnmatch.fnmatchcase(names[one.run_id], glob) for glob in patterns)]
    return chosen


def import_results(
    files: Sequence[str | Path],
    folder: str | Path,
    form: FileFormat | None = None,
    keep: Keep = "refuse",
    skip_invalid: bool = False,
) -> tuple[Joined, Rejected]:
    """Add exported rows to a results file, which may be new; all of them or nothing.

    Every row is checked; it must not contradict what the file holds, as in `imlbench.results.merging`.

    Args:
        files: exported files.
        folder: the results folder.
        form: None = by each file's suffix.
        keep: what to do about contradicting counts.
        skip_invalid: import the valid rows of a file that has invalid ones too.

    Returns:
        What was joined, and the rows that were rejected.

    Raises:
        UserError: a file is damaged, was cut off, is of a newer format or contradicts; or rows are invalid.
    """
    target = database_path(folder)
    sources = [(Path(file), file_format(Path(file), form)) for file in files]
    for path, _ in sources:
        if not path.is_file():
            raise UserError(f"{one_line(path)}: no such file: `imlbench results export -o FILE` makes one")
    rejected = Rejected()
    with changed_whole(target) as connection:
        joiner = Joiner(connection, keep)
        for index, (path, its_form) in enumerate(sources):
            join_file(joiner, path, its_form, rejected)
            if rejected.count and not skip_invalid:
                plural = "rows are" if rejected.count > 1 else "row is"
                message = f"{rejected.count} {plural} invalid: {'; '.join(rejected.first)}"
                raise UserError(f"{message}: nothing was imported; --skip-invalid imports the others")
            joiner.end(str(path), " and ".join([str(target), *(str(one) for one, _ in sources[:index])]))
    return joiner.joined, rejected


def join_file(joiner: Joiner, path: Path, form: FileFormat, rejected: Rejected) -> None:
    """Join the rows of one file."""

    def reject(number: int, error: RowError) -> None:
        rejected.add(path, number, error)

    joiner.begin()
    for number, row in read_rows(path, form, reject):
        try:
            check_row(row)
            joiner.add(row)
        except RowError as error:
            reject(number, error)
