"""Shards on a Ray cluster. Ray Data schedules, holds back and repeats; what it gives up is done under guard.

Where processors annotate, a pool of processes takes shards whole. Where GPUs do, decoding is spread over the cluster's
processors, and its batches stream to a pool of processes with a share of a GPU each.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import ray.data
from ray.exceptions import RayActorError, RayError

from imlbench.annotating.engine import Crew, News, Outcome
from imlbench.annotating.local_engine import DEATHS_AT_START
from imlbench.annotating.manifest import ShardResult, finished
from imlbench.annotating.ray_cluster import cluster
from imlbench.annotating.ray_worker import Actor, Guarded, RayRow, content_of, decode_task, row_of
from imlbench.annotating.recovery import ATTEMPTS
from imlbench.annotating.shard_work import Piece, Task
from imlbench.errors import UserError, one_line
from imlbench.jobs import describe

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan

GUARDED_ATTEMPTS = 4
"""A guard is not what a pair kills: it dies with its machine, which may happen several times."""


class RayEngine:
    """Processes of a Ray cluster, see `imlbench.annotating.engine.Engine`.

    Args:
        crew: number of processes and GPUs.
    """

    def __init__(self, crew: Crew) -> None:
        self.crew = crew

    def run(self, plan: Plan, tasks: Sequence[Task], news: News) -> Iterator[Outcome]:
        """See `imlbench.annotating.engine.Engine`."""
        if not tasks:
            return
        with cluster(self.crew):
            run = Run(plan, self.crew, tasks, news)
            yield from run.together()
            yield from run.guarded()


@dataclass(slots=True)
class Open:
    """A task that has no outcome yet.

    Attributes:
        task: the task.
        pieces: rows that are done, by the place of their batch.
        batches: how many there will be; None = not known yet.
        rows: how many were told of.
    """

    task: Task
    pieces: dict[int, Piece] = field(default_factory=dict)
    batches: int | None = None
    rows: int = 0


class Run:
    """One run of the engine.

    Args:
        plan: of the annotation.
        crew: number of processes and GPUs.
        tasks: what to do.
        news: is told of progress.
    """

    def __init__(self, plan: Plan, crew: Crew, tasks: Sequence[Task], news: News) -> None:
        # A process is sent what it needs, not a list of all the shards there are.
        identity = {role: plan.identity[role] for role in ("annotator", "second")}
        # Ray shows each process its own GPU only, as the first one.
        device = "cuda:0" if crew.gpus else "cpu"
        self.plan = replace(plan, parts=(), shards=plan.shards[:1], identity=identity, device=device, threads=0)
        self.crew, self.news = crew, news
        self.open = {number: Open(task) for number, task in enumerate(tasks)}

    def together(self) -> Iterator[Outcome]:
        """Do all tasks; those whose process dies twice stay open."""
        size = min(self.crew.workers, len(self.open))
        with settings():
            todo = self._todo()
            if self.crew.gpus:
                size = self.crew.workers
                todo = todo.flat_map(
                    cast(Any, decode_task), fn_kwargs={"plan": self.plan}, num_cpus=1, max_retries=ATTEMPTS - 1
                )
            found = todo.map(cast(Any, Actor), **self._pool(size, ATTEMPTS))
        yield from self._outcomes(found)

    def guarded(self) -> Iterator[Outcome]:
        """Do the tasks that are open still, each in a process of its own that may die."""
        if not self.open:
            return
        for entry in self.open.values():
            self.news(-entry.rows)
            entry.pieces, entry.batches, entry.rows = {}, None, 0
        size = min(self.crew.workers, len(self.open))
        with settings():
            found = self._todo().map(cast(Any, Guarded), **self._pool(size, GUARDED_ATTEMPTS))
        yield from self._outcomes(found)
        for number in list(self.open):
            part = self.open[number].task.shard.part.name
            why = f"{part}: Ray gave up the process that works on it, {GUARDED_ATTEMPTS} times"
            yield self._end(number, None, f"{why}; run the command again to go on")

    def _todo(self) -> ray.data.Dataset:
        """A row, in a block of its own, for each open task."""
        rows = [row_of(number, "task", entry.task) for number, entry in self.open.items()]
        return ray.data.from_items(rows, override_num_blocks=len(rows))

    def _pool(self, size: int, attempts: int) -> dict[str, Any]:
        """As many processes as were asked for; one whose machine vanishes is started again on another."""
        gpus = self.crew.gpus
        # One at a time where they are long, lest a pair that kills take along tasks that only wait.
        pool = ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=None if gpus else 1)
        return {
            "fn_constructor_args": (self.plan,),
            "compute": pool,
            "num_cpus": 1,
            "num_gpus": 1 / ceil(self.crew.workers / gpus) if gpus else 0,
            "max_task_retries": attempts - 1,
        }

    def _outcomes(self, found: ray.data.Dataset) -> Iterator[Outcome]:
        """What comes of a data set's rows."""
        with closing(rows_of(found)) as rows:
            for row in rows:
                yield from self._take(row)

    def _take(self, row: Mapping[str, Any]) -> Iterator[Outcome]:
        """Take one row. Those of a task that has its outcome already are a repetition's."""
        number, content = row["number"], content_of(row)
        if row["kind"] == "refused":
            raise UserError(content)
        if (entry := self.open.get(number)) is None:
            return
        if row["kind"] == "lost":
            self.news(-entry.rows)
            yield self._end(number, None, content)
            return
        if row["kind"] == "end":
            entry.batches = row["place"]
        elif row["kind"] == "done":
            self.news(rows_in(content))
            yield self._end(number, content)
            return
        elif row["place"] not in entry.pieces:
            entry.pieces[row["place"]] = content
            entry.rows += content.table.num_rows
            self.news(content.table.num_rows)
        if entry.batches == len(entry.pieces):
            yield self._end(number, self._whole(entry))

    def _whole(self, entry: Open) -> ShardResult | Piece:
        """The batches of a task put together."""
        pieces = [piece for _, piece in sorted(entry.pieces.items())]
        table = pa.concat_tables([piece.table for piece in pieces])
        seconds = tuple(value for piece in pieces for value in piece.seconds)
        if entry.task.rows is not None:
            return Piece(table, seconds)
        return finished(self.plan, entry.task.shard, table, seconds)

    def _end(self, number: int, result: ShardResult | Piece | None, lost: str = "") -> Outcome:
        """A task's outcome."""
        return Outcome(self.open.pop(number).task, result, lost)


@contextmanager
def settings() -> Iterator[None]:
    """Data sets that are made here print no bars, and go on without the blocks that Ray has given up."""
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1
    context.max_consecutive_actor_init_deaths = DEATHS_AT_START - 1
    with ray.data.DataContext.current(context), warnings.catch_warnings():
        # How often a task is repeated can be said in no other way.
        warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
        yield


def rows_in(result: ShardResult | Piece) -> int:
    """The number of rows of a result."""
    return int(result.facts["rows"]) if isinstance(result, ShardResult) else result.table.num_rows


def rows_of(found: ray.data.Dataset) -> Generator[RayRow]:
    """The rows as they come. When it is closed, all processes that work on them are ended.

    Raises:
        UserError: Ray can go on no longer.
    """
    # By batches, which can be closed: an iterator of rows would leave Ray's processes at work until it is forgotten,
    # which the traceback of an error may put off for ever.
    batches: Any = iter(found.iter_batches(batch_size=None, batch_format="pyarrow"))
    try:
        for batch in batches:
            yield from batch.to_pylist()
    except RayActorError as error:
        why = one_line(describe(error), 300)
        what = f"processes die while they load the annotator, perhaps for want of memory ({why})"
        raise UserError(f"{what}; what is done stays: run the command again with fewer --workers") from error
    except (RayError, OSError, RuntimeError) as error:
        why = one_line(describe(error), 300)
        raise UserError(f"Ray cannot go on ({why}); what is done stays: run the command again") from error
    finally:
        batches.close()
