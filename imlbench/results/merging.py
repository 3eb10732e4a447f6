"""Joining results files of several machines into one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from imlbench.errors import UserError, one_line
from imlbench.results.database import database_path
from imlbench.results.joining import INVOCATION, RUN, Joined, Joiner
from imlbench.results.reading import ResultReader
from imlbench.results.row_checks import check_row
from imlbench.results.rows import RowError, stored_rows
from imlbench.results.target import changed_whole
from imlbench.results.verdicts import Keep


def merge_results(folders: Sequence[str | Path], out: str | Path, keep: Keep = "refuse") -> Joined:
    """Join results files into one, which may be new; all of it or nothing. The inputs are only read.

    The same run on the same sample with the same content and counts becomes one result. A score takes the place of
    a failure. Runs and invocations of all inputs are kept, with their provenance; stored means of runs that gained
    results are dropped, and computed anew by the next evaluation.

    Args:
        folders: results folders.
        out: the results folder that gets everything; none of the inputs.
        keep: newest = where two counts of one run, sample and content contradict one another, the later ones stay.

    Raises:
        UserError: an input is unusable or is the output; or inputs contradict one another: a sample with other
            images or masks, an adapter under another metric or protocol version, other counts. It says which.
    """
    target = database_path(out)
    with ExitStack() as stack:
        readers = [stack.enter_context(ResultReader(folder)) for folder in folders]
        for reader in readers:
            if target.exists() and target.samefile(reader.path):
                raise UserError(
                    f"{one_line(reader.path)}: is an input and the output: choose another folder with --out"
                )
            stack.enter_context(reader.snapshot())
        before = [str(target)] if target.exists() else []
        with changed_whole(target) as connection:
            joiner = Joiner(connection, keep)
            for reader in readers:
                join_reader(joiner, reader)
                joiner.end(str(reader.path), " and ".join(before) or "nothing")
                before.append(str(reader.path))
    return joiner.joined


def join_reader(joiner: Joiner, reader: ResultReader) -> None:
    """Join all that a results file holds.

    Raises:
        UserError: it holds what no evaluation writes.
    """
    joiner.begin()
    for values in reader.query(f"SELECT {', '.join(INVOCATION)} FROM invocations ORDER BY invocation_id"):
        joiner.add_invocation(dict(zip(INVOCATION, values, strict=True)))
    runs = reader.query(f"SELECT {', '.join(RUN)} FROM runs ORDER BY created, rowid")
    for values in runs:
        joiner.add_run(dict(zip(RUN, values, strict=True)))
    for row in stored_rows(reader, [values[0] for values in runs]):
        try:
            check_row(row)
            joiner.add(row)
        except RowError as error:
            where = (
                f"{one_line(reader.path)}: run {one_line(row['run_id'], 20)}, sample {one_line(row['sample_id'], 120)}"
            )
            raise UserError(f"{where}: {one_line(error)}: compute it anew with --overwrite always") from error
