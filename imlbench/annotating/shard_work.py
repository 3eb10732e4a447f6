"""The work on a shard: read, decode, annotate, judge. The same rows in any process, on any machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imlbench.annotating.judging import annotate_batch
from imlbench.annotating.manifest import ShardResult, finished
from imlbench.annotating.preparing import Prepared, prepare
from imlbench.annotating.rows import Row, begin_row, table_of
from imlbench.annotating.tools import Tools, build_tools
from imlbench.annotation import BATCH_PIXELS
from imlbench.errors import Reason, UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from imlbench.annotating.plan import Plan
    from imlbench.annotating.shards import Shard
    from imlbench.corpora.base import CorpusPair

KILLED = "the process that worked on this pair died or hung, every time"


@dataclass(frozen=True, slots=True)
class Task:
    """A shard, or some rows of it.

    Attributes:
        shard: the shard.
        rows: the rows to work on, ascending; None = all.
        unopened: record the rows as failed, and open no image of them: they kill whoever does.
    """

    shard: Shard
    rows: tuple[int, ...] | None = None
    unopened: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a shard, done.

    Attributes:
        table: of `rows.SCHEMA`.
        seconds: time that each row took.
    """

    table: pa.Table
    seconds: tuple[float, ...]


def annotate_shard(plan: Plan, shard: Shard, tools: Tools | None = None) -> ShardResult:
    """All rows of a shard and its manifest.

    The result depends on the plan's identity and the corpus alone: not on the process, the machine, the batch size or
    what was done before.

    Args:
        plan: of the annotation.
        shard: one of its shards.
        tools: from `build_tools(plan)`, which takes long; None = built now.

    Raises:
        UserError: the annotator cannot be built, or the shard's part as a whole is not what it was.
    """
    piece = annotate_task(plan, Task(shard), tools or build_tools(plan))
    return finished(plan, shard, piece.table, piece.seconds)


def annotate_task(plan: Plan, task: Task, tools: Tools, news: Callable[[int], None] = lambda done: None) -> Piece:
    """The rows of a task, in their order.

    Args:
        plan: of the annotation.
        task: a shard or some of its rows.
        tools: from `build_tools(plan)`.
        news: told how many rows more are done.

    Raises:
        UserError: the shard's part as a whole is not what it was.
    """
    rows: list[Row] = []
    seconds: list[float] = []
    for batch in batches(decoded(plan, task, tools), tools, plan.batch_size):
        annotate_batch(plan, tools, batch)
        rows += [prepared.row for prepared in batch]
        seconds += [prepared.seconds for prepared in batch]
        news(len(batch))
    return Piece(table_of(rows), tuple(seconds))


def decoded(plan: Plan, task: Task, tools: Tools) -> Iterator[Prepared]:
    """The task's pairs, decoded and checked, in their order; `plan.threads` threads work ahead."""
    needs = any(handle.card.needs_instruction for handle in tools.all())
    part = task.shard.part.name

    def one(numbered: tuple[int, CorpusPair]) -> Prepared:
        number, source = numbered
        if task.unopened:
            row = begin_row(source, part, number, plan.corpus.label)
            row.end("failed", Reason.UNREADABLE.value, KILLED)
            return Prepared(row)
        return prepare(plan, source, part, number, needs)

    sources = numbered_pairs(plan, task)
    return map(one, sources) if plan.threads == 0 else ahead(one, sources, plan.threads, plan.batch_size)


def numbered_pairs(plan: Plan, task: Task) -> Iterator[tuple[int, CorpusPair]]:
    """Row number and pair of each row of a task.

    Raises:
        UserError: the part has fewer rows than the plan says.
    """
    shard, rows = task.shard, task.rows
    if rows is not None and not rows:
        return
    start, stop = (shard.start, shard.stop) if rows is None else (rows[0], rows[-1] + 1)
    wanted = None if rows is None else set(rows)
    end = start
    for source in plan.corpus.pairs(shard.part, start, stop):
        if wanted is None or end in wanted:
            yield end, source
        end += 1
    if stop is not None and end != stop:
        raise UserError(f"{shard.part.name}: {end} rows, expected {stop}; it has changed since the plan was made")


def ahead(
    work: Callable[[tuple[int, CorpusPair]], Prepared],
    sources: Iterable[tuple[int, CorpusPair]],
    threads: int,
    batch_size: int,
) -> Iterator[Prepared]:
    """`map(work, sources)` by threads that are ahead by two batches at most."""
    window = threads + 2 * batch_size
    pending: deque[Future[Prepared]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            for source in sources:
                pending.append(pool.submit(work, source))
                if len(pending) >= window:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def batches(prepared: Iterable[Prepared], tools: Tools, batch_size: int) -> Iterator[list[Prepared]]:
    """Stretches of rows of which as many have a pair as the annotator gets at once."""
    size = batch_size if any(handle.card.batched for handle in tools.all()) else 1
    batch: list[Prepared] = []
    waiting = pixels = 0
    for entry in prepared:
        batch.append(entry)
        if entry.pair is not None:
            waiting, pixels = waiting + 1, pixels + entry.pair.edited.size // 3
        if not waiting or waiting >= size or pixels >= BATCH_PIXELS:
            yield batch
            batch, waiting, pixels = [], 0, 0
    if batch:
        yield batch
