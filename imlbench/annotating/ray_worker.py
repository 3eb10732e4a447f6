"""What Ray's processes do: rows of a data set come in, rows with what was made of them go out.

A row has `number` (of the task), `place` (of a batch within it), `kind` and `data` (pickled):

- task: data is a `Task`.
- batch: decoded pairs, which are on their way from the processes that decode to those that annotate.
- end: so many batches were there as `place` says.
- piece: the `Piece` of a batch.
- done: the `ShardResult` or `Piece` of a task.
- lost: the task cannot be done, data says why. refused: the annotators cannot be built, data says why.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ray

from imlbench.annotating.engine import Crew, one_thread
from imlbench.annotating.judging import annotate_batch
from imlbench.annotating.local_engine import LocalEngine
from imlbench.annotating.manifest import finished
from imlbench.annotating.rows import table_of
from imlbench.annotating.shard_work import Piece, Task, annotate_task, batches, decoded
from imlbench.annotating.tools import Tools, build_tools
from imlbench.annotating.watchdog import watched
from imlbench.errors import UserError, one_line
from imlbench.jobs import describe

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan

RayRow = dict[str, Any]


def row_of(number: int, kind: str, content: Any, place: int = 0) -> RayRow:
    """A row that Ray can carry."""
    return {"number": number, "place": place, "kind": kind, "data": pickle.dumps(content)}


def content_of(row: Mapping[str, Any]) -> Any:
    """What a row carries."""
    # Written by a process of this very run.
    return pickle.loads(row["data"])  # noqa: S301


def settle() -> None:
    """A process prints nothing on standard output, and does its arithmetic on one processor."""
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    one_thread()
    warnings.filterwarnings("ignore", message=r"Image size .* decompression bomb")


class Actor:
    """A process that holds the annotators.

    Args:
        plan: of the annotation.
    """

    def __init__(self, plan: Plan) -> None:
        settle()
        self.plan = plan
        self.refused = ""
        self.tools: Tools | None = None
        try:
            if ray.get_runtime_context().was_current_actor_reconstructed:
                # Ray would start for ever what dies while it loads the annotators; the local engine knows when to stop.
                list(guard(plan).run(plan, [Task(plan.shards[0], rows=())], lambda rows: None))
            self.tools = build_tools(plan)
        except UserError as error:
            # Told with the first row: what a constructor raises, Ray takes for a process that has died.
            self.refused = str(error)

    def __call__(self, row: RayRow) -> RayRow:
        """Take a task, or a batch of one, to its end."""
        number, place, content = row["number"], row["place"], content_of(row)
        if self.tools is None:
            return row_of(number, "refused", self.refused, place)
        if row["kind"] == "task":
            return self._task(self.tools, number, content)
        if row["kind"] != "batch":
            return row
        with watched(self.plan.timeout):
            annotate_batch(self.plan, self.tools, content)
        piece = Piece(table_of([entry.row for entry in content]), tuple(entry.seconds for entry in content))
        return row_of(number, "piece", piece, place)

    def _task(self, tools: Tools, number: int, task: Task) -> RayRow:
        """Do a whole task."""
        try:
            with watched(self.plan.timeout) as dog:
                piece = annotate_task(self.plan, task, tools, lambda rows: dog.watch())
        except Exception as error:
            # What a pair brings about is recorded with it; whatever else a reader or an adapter may raise costs this
            # task only. Let through, it would end the whole data set.
            return row_of(number, "lost", why_lost(task, error))
        if task.rows is not None:
            return row_of(number, "done", piece)
        return row_of(number, "done", finished(self.plan, task.shard, piece.table, piece.seconds))


def decode_task(row: RayRow, plan: Plan) -> Iterator[RayRow]:
    """The batches of a task, decoded, in their order."""
    settle()
    number, task, place = row["number"], content_of(row), 0
    tools = Tools(*plan.handles())
    try:
        with watched(plan.timeout) as dog:
            for batch in batches(decoded(plan, task, tools), tools, plan.batch_size):
                # Ray holds back who is too far ahead.
                with dog.resting():
                    yield row_of(number, "batch", batch, place)
                place += 1
    except Exception as error:
        # As above: a reader may raise anything, and that is this task's loss alone.
        yield row_of(number, "lost", why_lost(task, error))
        return
    yield row_of(number, "end", None, place)


def why_lost(task: Task, error: Exception) -> str:
    """Why a task cannot be done. What a pair brings about is recorded with it; this is the part's or the reader's."""
    return str(error) if isinstance(error, UserError) else f"{task.shard.part.name}: {one_line(describe(error))}"


def guard(plan: Plan) -> LocalEngine:
    """An engine of one process, with this one's GPU if it has one."""
    return LocalEngine(Crew(1, 0 if plan.device == "cpu" else 1))


class Guarded:
    """Does tasks whose process died in a process of its own, which may die again: the local engine knows what to do.

    Args:
        plan: of the annotation.
    """

    def __init__(self, plan: Plan) -> None:
        settle()
        self.plan = plan
        self.engine = guard(plan)

    def __call__(self, row: RayRow) -> RayRow:
        """Take a task to its end."""
        number, task = row["number"], content_of(row)
        try:
            (outcome,) = self.engine.run(self.plan, [task], lambda rows: None)
        except UserError as error:
            return row_of(number, "refused", str(error))
        if outcome.result is None:
            return row_of(number, "lost", outcome.lost)
        return row_of(number, "done", outcome.result)
