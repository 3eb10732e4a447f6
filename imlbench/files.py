"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from imlbench.errors import UserError, one_line


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to be written bit by bit that takes its name when it is whole; an existing one is replaced then.

    The data goes to a temporary file in the same folder, since a rename is atomic only within a file system, and
    is flushed before the rename, since a rename can reach the disk before the data does.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}"
        # Opened by hand, so that the file gets the mode of any other new file and not that of a secret one.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UserError(f"{one_line(path)}: cannot be written ({error.strerror or one_line(error)})") from error


def write_atomically(path: str | Path, data: bytes | str) -> None:
    """Write a file whole or not at all; an existing one is replaced.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    content = data.encode() if isinstance(data, str) else data
    with replacing(Path(path)) as file:
        file.write(content)
