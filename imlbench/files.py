"""Writing files so that a reader, or a crash, never sees half of one, and only where they belong."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from imlbench.errors import Reason, SampleError, UserError, one_line


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


def check_place(path: Path, root: Path | None, name: str) -> None:
    """Refuse to write a file anywhere but below a folder.

    Args:
        path: where the file would go.
        root: the folder; None where any place will do, as for a file that the user named.
        name: of the image or the sample, which the message begins with.

    Raises:
        SampleError: a link leads out of the folder, or the place of the file is taken by a folder.
    """
    if root is not None:
        top, parent = os.path.realpath(root), os.path.realpath(path.parent)
        if os.path.commonpath((top, parent)) != top:
            raise SampleError(Reason.OUTSIDE_ROOT, f"{name}: {path} leads out of {root}; refused")
    if os.path.isdir(path):
        raise SampleError(Reason.OUTSIDE_ROOT, f"{name}: {path} is a folder; expected a place for a file")
