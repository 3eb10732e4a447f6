"""One process at a time in a folder. A lock ends with the process that holds it, however that ends."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imlbench.errors import UserError, one_line

TRIES = 5
TRY_SECONDS = 0.05
"""Who asks whether the lock is held holds it for a moment: once is not enough to know."""


@contextmanager
def locked(path: Path, place: Path, refusal: Callable[[str], str]) -> Iterator[None]:
    """Hold a lock while the block runs.

    Systems without `flock` have no such lock, and nobody is kept out there: whatever is done under a lock must also be
    written so that of two at work the later one wins whole.

    Args:
        path: the lock's file; made where it is not there, and left there.
        place: what it keeps others out of, for messages.
        refusal: from who holds the lock ("process 17 on host", "unknown") to what is to be said of it.

    Raises:
        UserError: another process holds it, or the file cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise unwritable(place, error) from error
    try:
        if not taken(descriptor, place):
            holder = one_line(os.pread(descriptor, 200, 0).decode(errors="replace")) or "unknown"
            raise UserError(f"{one_line(place, 200)}: {refusal(holder)}")
        note_holder(descriptor, place)
        yield
        # Nothing of who did the work stays in the folder.
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def taken(descriptor: int, place: Path) -> bool:
    """Whether the lock could be taken.

    Raises:
        UserError: the file system knows no locks.
    """
    try:
        import fcntl
    except ImportError:
        return True
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(TRY_SECONDS)
        except OSError as error:
            raise UserError(f"{one_line(place, 200)}: cannot be locked ({error.strerror})") from error
        else:
            return True
    return False


def note_holder(descriptor: int, place: Path) -> None:
    """Write down who holds the lock, for people."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
    except OSError as error:
        raise unwritable(place, error) from error


def unwritable(place: Path, error: OSError) -> UserError:
    """The error for a lock that cannot be made."""
    return UserError(f"{one_line(place, 200)}: cannot be written ({error.strerror})")


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock of that file now."""
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # Where the file system knows no locks, nobody holds one.
        return False
    finally:
        os.close(descriptor)
    return False
