"""One driver at a time on a folder. The lock ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imlbench.errors import UserError, one_line

NAME = "lock"
TRIES = 5
TRY_SECONDS = 0.05
"""Who asks whether the lock is held holds it for a moment: once is not enough to know."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock.

    Raises:
        UserError: another process holds it, or the folder cannot be written.
    """
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UserError(f"{one_line(path, 200)}: cannot be written ({error.strerror})") from error
    try:
        if not taken(descriptor):
            holder = one_line(os.pread(descriptor, 200, 0).decode(errors="replace")) or "unknown"
            message = f"another process ({holder}) annotates into this folder; wait for it, or choose another --out"
            raise UserError(f"{one_line(folder, 200)}: {message}")
        note_holder(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def taken(descriptor: int) -> bool:
    """Whether the lock could be taken."""
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(TRY_SECONDS)
        else:
            return True
    return False


def note_holder(descriptor: int, path: Path) -> None:
    """Write down who holds the lock, for people."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
    except OSError as error:
        raise UserError(f"{one_line(path, 200)}: cannot be written ({error.strerror})") from error


def is_locked(folder: Path) -> bool:
    """Whether some process holds the folder's lock now."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
