"""A results file that is changed whole or not at all, whether it is new or not."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imlbench.errors import UserError, one_line
from imlbench.results.database import connect, storage_errors
from imlbench.results.store import transaction


@contextmanager
def changed_whole(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a results file inside one transaction; nothing is left of it where anything goes wrong.

    A new file takes its name when it is complete.

    Raises:
        UserError: see `imlbench.results.database.connect`.
    """
    if path.exists():
        with one_transaction(path, path) as connection:
            yield connection
        return
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    working = path.with_name(f".{secrets.token_hex(8)}.db")
    try:
        with one_transaction(working, path) as connection:
            yield connection
        take_name(working, path)
    finally:
        for leftover in (working, Path(f"{working}-wal"), Path(f"{working}-shm")):
            leftover.unlink(missing_ok=True)
        for folder in made:
            # A folder that holds something by now is no leftover.
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def one_transaction(file: Path, shown: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on a file; `shown` is its name in messages."""
    connection = connect(file)
    try:
        with storage_errors(shown), transaction(connection):
            yield connection
    finally:
        connection.close()


def take_name(working: Path, path: Path) -> None:
    """Give a complete file its name.

    Raises:
        UserError: there is a file of that name by now.
    """
    try:
        # Unlike a rename, this never replaces what another process has made meanwhile.
        os.link(working, path)
    except FileExistsError as error:
        raise UserError(
            f"{one_line(path)}: another process has made this file meanwhile: run the command again"
        ) from error
    except OSError:
        # A file system without hard links.
        os.replace(working, path)
