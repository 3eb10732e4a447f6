"""Annotators and corpora that hang, eat memory, or take their time; and drivers that are started and killed."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from annotators.pixdiff import PixDiffMorph
from tests.annotating.making_pairs import POISON, Toy, card
from tests.making_sets import start

BLOCK = 8 << 20
BLOCKS = 200
MEMORY = 600 << 20
"""A process above this is killed, as a kernel without memory would do. One that has loaded all is far below."""

DRIVER = """
import sys
from pathlib import Path
from imlbench.errors import UserError
from tests.annotating.making_pairs import annotate
from tests.annotating.making_trouble import Steady
if __name__ == "__main__":
    try:
        account = annotate(Path(sys.argv[1]), Path(sys.argv[2]), Steady, workers=2, shard_size=2)
    except UserError as error:
        sys.exit(str(error))
    sys.exit(str(account.lost) if account.lost else 0)
"""


def is_poisoned(pair) -> bool:
    return tuple(pair.edited[0, 0]) == POISON


class Steady(PixDiffMorph):
    """Takes its time, so that there are moments to be killed at."""

    card = card("steady")
    seconds = 0.15

    def annotate(self, pairs):
        time.sleep(self.seconds)
        return super().annotate(pairs)


class Stuck(PixDiffMorph):
    """Never comes back from a poisoned pair, and never gives the interpreter's lock back."""

    card = card("stuck")

    def annotate(self, pairs):
        if any(is_poisoned(pair) for pair in pairs):
            re.fullmatch(r"(a+)+", "a" * 60 + "b")
        return super().annotate(pairs)


class Hungry(PixDiffMorph):
    """Takes ever more memory for a poisoned pair."""

    card = card("hungry")

    def annotate(self, pairs):
        if any(is_poisoned(pair) for pair in pairs):
            eaten = []
            while len(eaten) < BLOCKS:
                eaten.append(b"x" * BLOCK)
                time.sleep(0.01)
            raise AssertionError("nobody has killed this process")
        return super().annotate(pairs)


class Sleepy(Toy):
    """Whoever reads the pair "trap" sleeps for ever."""

    def pairs(self, part, start=0, stop=None):
        for row, pair in enumerate(super().pairs(part, start, stop), start):
            if self._stems(part.name)[row] == "trap":
                threading.Event().wait()
            yield pair


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """The worker processes of a driver, none where it has died."""
    found = []
    try:
        children = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def driver(root, out, folder):
    """A driver with two workers, as a process of its own."""
    script = folder / "steady_driver.py"
    script.write_text(DRIVER)
    return start(root, out, code=[sys.executable, script])


@contextmanager
def memory_killer() -> Iterator[list[int]]:
    """Kills this process' workers that take too much memory, like the kernel; yields their numbers."""
    killed: list[int] = []
    over = threading.Event()

    def watch():
        while not over.wait(0.02):
            for worker in workers_of(psutil.Process()):
                try:
                    if worker.pid not in killed and worker.memory_info().rss > MEMORY:
                        worker.kill()
                        killed.append(worker.pid)
                except psutil.NoSuchProcess:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()
