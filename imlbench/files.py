"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import os
import tempfile
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
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~current_umask())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror})") from error


def current_umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
