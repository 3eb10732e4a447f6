"""A worker process of the local engine, as the driver sees it."""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from imlbench.annotating.engine import Crew, device_of
from imlbench.annotating.local_worker import Message, serve

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan
    from imlbench.annotating.recovery import Recovery
    from imlbench.annotating.shard_work import Task

PATIENCE = 5.0
"""Seconds that a process gets to end by itself."""


class Worker:
    """A process and what it is at.

    Args:
        plan: of the annotation.
        place: number of the worker, from 0.
        crew: all of them.
    """

    def __init__(self, plan: Plan, place: int, crew: Crew) -> None:
        self.place = place
        self.ready = False
        self.task: Task | None = None
        self.recovery: Recovery | None = None
        self.rows = 0
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        own = replace(plan, parts=(), device=device_of(crew, place), threads=crew.threads())
        self.process = context.Process(target=serve, args=(theirs, own), name=f"annotate {place}", daemon=True)
        self.process.start()
        # Ours alone would keep the pipe open after the worker's death.
        theirs.close()

    def give(self, task: Task, recovery: Recovery) -> None:
        """Hand out a task. A process that is dead already is noticed when its answer is asked for."""
        self.task, self.recovery, self.rows = task, recovery, 0
        try:
            self.connection.send(task)
        except OSError:
            self.process.kill()

    def hear(self) -> Message | None:
        """What the process says; None where it has died."""
        try:
            if self.connection.poll():
                message: Message = self.connection.recv()
                return message
        except (EOFError, OSError):
            pass
        self.process.join(PATIENCE)
        return None

    def end(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()

    def how_it_ended(self) -> str:
        """Signal or exit code of a process that has died."""
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with code {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
