"""A worker process of the local engine."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from imlbench.annotating.engine import one_thread
from imlbench.annotating.manifest import finished
from imlbench.annotating.shard_work import annotate_task
from imlbench.annotating.tools import build_tools
from imlbench.annotating.watchdog import watched
from imlbench.errors import UserError, one_line
from imlbench.jobs import describe
from imlbench.synthesis.workers import end_with_parent

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from imlbench.annotating.manifest import ShardResult
    from imlbench.annotating.plan import Plan
    from imlbench.annotating.shard_work import Piece, Task
    from imlbench.annotating.tools import Tools


class Message(NamedTuple):
    """What a worker tells.

    Attributes:
        kind: ready: the annotators are built. refused: they cannot be, see `content`. rows: so many more are done.
            done: the result of the task. lost: the task cannot be done, see `content`.
        content: by kind nothing, text, a number, a `ShardResult` or a `Piece`.
    """

    kind: Literal["ready", "refused", "rows", "done", "lost"]
    content: Any = None


def serve(connection: Connection, plan: Plan) -> None:
    """Do tasks until the driver closes the connection or dies."""
    settle()
    try:
        tools = build_tools(plan)
    except UserError as error:
        connection.send(Message("refused", str(error)))
        return
    connection.send(Message("ready"))
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(answer(connection, plan, tools, task))


def settle() -> None:
    """A worker prints nothing on standard output, leaves Ctrl-C to the driver, and ends with it."""
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", message=r"Image size .* decompression bomb")
    threading.Thread(target=end_with_parent, daemon=True).start()


def answer(connection: Connection, plan: Plan, tools: Tools, task: Task) -> Message:
    """Do one task."""
    try:
        return Message("done", done(connection, plan, tools, task))
    except UserError as error:
        return Message("lost", str(error))
    except Exception as error:
        # What a pair brings about is recorded with it; this is the part's or the reader's doing.
        return Message("lost", f"{task.shard.part.name}: {one_line(describe(error))}")


def done(connection: Connection, plan: Plan, tools: Tools, task: Task) -> ShardResult | Piece:
    """The files of a shard, or some of its rows."""
    with watched(plan.timeout) as dog:

        def news(rows: int) -> None:
            # The driver may be busy.
            with dog.resting():
                connection.send(Message("rows", rows))

        piece = annotate_task(plan, task, tools, news)
    if task.rows is not None or task.unopened:
        return piece
    return finished(plan, task.shard, piece.table, piece.seconds)
