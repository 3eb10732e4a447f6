"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from imlbench.errors import UserError


def write_atomically(path: str | Path, data: bytes | str) -> None:
    """Write a file whole or not at all; an existing one is replaced.

    The data goes to a temporary file in the same folder, since a rename is atomic only within a file system, and
    is flushed before the rename, since a rename can reach the disk before the data does.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    target = Path(path)
    content = data.encode() if isinstance(data, str) else data
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f".{target.name[:40]}.{secrets.token_hex(8)}"
        # Opened by hand, so that the file gets the mode of any other new file and not that of a secret one.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror})") from error
