"""A process that hangs ends itself: then it is one that has died, and what to do about that is known.

Decoders and adapters are others' code, in which a single pair may keep a process for ever. Python's own watchdog is
used, whose thread needs no lock of the interpreter's: code that never gives it back is ended too.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


class Watchdog:
    """Ends the process, with code 1, when nothing is told for too long.

    Args:
        seconds: so long a batch may take; 0 = for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def watch(self) -> None:
        """Begin to count, or begin anew."""
        if self.seconds > 0:
            faulthandler.dump_traceback_later(self.seconds, exit=True, file=nowhere())

    def rest(self) -> None:
        """Count no more: somebody else's turn may take as long as it likes."""
        if self.seconds > 0:
            faulthandler.cancel_dump_traceback_later()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Do not count while the block runs, and begin anew after it."""
        self.rest()
        yield
        self.watch()


@contextmanager
def watched(seconds: float) -> Iterator[Watchdog]:
    """Watch the block; a batch that is done is told with `resting`."""
    dog = Watchdog(seconds)
    dog.watch()
    try:
        yield dog
    finally:
        dog.rest()


@cache
def nowhere() -> int:
    """Where the watchdog writes what the process was at: many lines, of which the account has one for the pair."""
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
