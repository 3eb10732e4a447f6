"""Shards on the processes of one machine. A process that dies costs the shard it was at, and is replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from imlbench.annotating.engine import Crew, News, Outcome
from imlbench.annotating.local_process import Worker
from imlbench.annotating.recovery import Recovery
from imlbench.errors import UserError

if TYPE_CHECKING:
    from imlbench.annotating.local_worker import Message
    from imlbench.annotating.plan import Plan
    from imlbench.annotating.shard_work import Task

DEATHS_AT_START = 3
"""So many processes in a row may die before they are ready."""


class LocalEngine:
    """Processes on this machine, see `imlbench.annotating.engine.Engine`.

    Args:
        crew: number of processes and GPUs.
    """

    def __init__(self, crew: Crew) -> None:
        self.crew = crew

    def run(self, plan: Plan, tasks: Sequence[Task], news: News) -> Iterator[Outcome]:
        """See `imlbench.annotating.engine.Engine`."""
        run = Run(plan, self.crew, tasks, news)
        try:
            while not run.over():
                yield from run.step()
        finally:
            run.end()


class Run:
    """One run of the engine.

    Args:
        plan: of the annotation.
        crew: number of processes and GPUs.
        tasks: what to do.
        news: is told of progress.
    """

    def __init__(self, plan: Plan, crew: Crew, tasks: Sequence[Task], news: News) -> None:
        # Once for all processes, which get it with the plan.
        _ = plan.digest
        self.plan, self.crew, self.news = plan, crew, news
        self.queue: deque[tuple[Task, Recovery]] = deque((task, Recovery(plan, task)) for task in tasks)
        self.deaths_at_start = 0
        self.workers = [Worker(plan, place, crew) for place in range(min(crew.workers, len(tasks)))]

    def over(self) -> bool:
        """Whether nothing is left to do."""
        return not self.queue and all(worker.task is None for worker in self.workers)

    def end(self) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.end()

    def step(self) -> Iterator[Outcome]:
        """Hand out tasks, wait for news, take it."""
        for worker in self.workers:
            if worker.ready and worker.task is None and self.queue:
                worker.give(*self.queue.popleft())
        places: dict[Any, Worker] = {}
        for worker in self.workers:
            places |= {worker.connection: worker, worker.process.sentinel: worker}
        for worker in dict.fromkeys(places[found] for found in connection.wait(list(places))):
            yield from self._take(worker, worker.hear())

    def _take(self, worker: Worker, message: Message | None) -> Iterator[Outcome]:
        """Take one message, or a worker's death."""
        if message is None:
            yield from self._bury(worker)
        elif message.kind == "ready":
            worker.ready, self.deaths_at_start = True, 0
        elif message.kind == "refused":
            raise UserError(message.content)
        elif message.kind == "rows":
            worker.rows += message.content
            self.news(message.content)
        else:
            yield from self._finish(worker, message)

    def _finish(self, worker: Worker, message: Message) -> Iterator[Outcome]:
        """A task has come to its end."""
        task, recovery = worker.task, worker.recovery
        assert task is not None
        assert recovery is not None
        worker.task = worker.recovery = None
        if message.kind == "lost":
            recovery.gave_up(message.content)
        else:
            self._again(recovery.came(task, message.content), recovery)
        if message.kind == "lost" or (task.rows is None and task.unopened):
            self.news(-worker.rows)
        worker.rows = 0
        yield from outcome(recovery)

    def _bury(self, worker: Worker) -> Iterator[Outcome]:
        """Replace a worker that has died, and see what becomes of its task."""
        how = worker.how_it_ended()
        task, recovery = worker.task, worker.recovery
        if not worker.ready:
            self.deaths_at_start += 1
            if self.deaths_at_start >= DEATHS_AT_START:
                what = f"processes die while they load the annotator ({how}), perhaps for want of memory"
                raise UserError(f"{what}; what is done stays: run the command again with fewer --workers")
        done = worker.rows
        self.news(-done)
        worker.end()
        self.workers[worker.place] = Worker(self.plan, worker.place, self.crew)
        if task is not None and recovery is not None:
            self._again(recovery.died(task, how, done), recovery)
            yield from outcome(recovery)

    def _again(self, tasks: Sequence[Task], recovery: Recovery) -> None:
        """Tasks of a shard that was begun come before new ones."""
        self.queue.extendleft((task, recovery) for task in reversed(tasks))


def outcome(recovery: Recovery) -> Iterator[Outcome]:
    """The outcome of a task that was asked for, once it is there."""
    if recovery.ended:
        yield Outcome(recovery.asked, recovery.result, recovery.lost)
