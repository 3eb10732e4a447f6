"""Annotating a corpus: find what is missing, have an engine do it, write each shard as it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from imlbench.account import Progress, Quiet
from imlbench.annotating.agreement import work_digest
from imlbench.annotating.lock import locked
from imlbench.annotating.manifest import ShardResult, finished
from imlbench.annotating.output import Output
from imlbench.annotating.shard_work import Piece, Task
from imlbench.annotating.summary import NAME, Summary, Totals
from imlbench.errors import UserError
from imlbench.settings import available_cpus

if TYPE_CHECKING:
    from imlbench.annotating.engine import Engine, Outcome
    from imlbench.annotating.plan import Plan
    from imlbench.annotating.shards import Shard


@dataclass(slots=True)
class Account:
    """What a call did.

    Attributes:
        shards: number of the plan's shards.
        done: shards that are done now, earlier calls' included.
        computed: shards that this call did, or did again.
        totals: counts over all that is done.
        lost: why shards could not be done, by number.
        broken: why files of the corpus could not be read as a whole, by name; they have no shards.
        interrupted: whether Ctrl-C ended it early.
    """

    shards: int
    done: int = 0
    computed: int = 0
    totals: Totals = field(default_factory=Totals)
    lost: dict[int, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


def annotate_corpus(
    plan: Plan, out: Path, engine: Engine, retry_failed: bool = False, progress: Progress | None = None
) -> Account:
    """Do the plan's shards that are missing in a folder.

    Args:
        plan: of the annotation.
        out: the folder; made where there is none.
        engine: does the work.
        retry_failed: do failed rows of finished shards again as well; the other rows stay as they are. A file of the
            corpus that could not be read, or of which rows failed, is planned anew where it is another file now.
        progress: receives news, counted in pairs, or in shards where `Plan.by_shard` says so.

    Raises:
        UserError: the folder is in use, has another plan, or cannot be written; the annotator cannot be built. What
            was done stays, and the same call goes on from there.
    """
    output = Output(out)
    output.make(plan.corpus.root)
    with locked(out):
        plan = output.claim(plan, retry_failed)
        return Drive(plan, output, engine, retry_failed, progress or Quiet()).run()


class Drive:
    """One call.

    Args:
        plan: of the annotation.
        output: the folder, locked and claimed.
        engine: does the work.
        retry_failed: do failed rows again.
        progress: receives news.
    """

    def __init__(self, plan: Plan, output: Output, engine: Engine, retry_failed: bool, progress: Progress) -> None:
        self.plan, self.output, self.engine, self.progress = plan, output, engine, progress
        self.retry_failed = retry_failed
        self.account = Account(len(plan.shards), broken=plan.broken)
        self.before: list[dict[str, Any]] = []
        """Manifests of the shards that are to be done again."""
        self.by_shard = plan.by_shard

    def run(self) -> Account:
        """Do what is missing.

        Raises:
            UserError: see `annotate_corpus`.
        """
        tasks = self._tasks()
        sizes = [size_of(task) for task in tasks]
        todo = sum(size for size in sizes if size is not None) if None not in sizes else None
        work = work_digest({**self.plan.identity, "digest": self.plan.digest})
        summary = Summary(self.output.root / NAME, work, self.account.totals, todo)
        try:
            summary.write(now=True)
            if tasks:
                self.progress.start(len(tasks) if self.by_shard or todo is None else todo)
                self._work(tasks, summary)
        except KeyboardInterrupt:
            self.account.interrupted = True
        except UserError as error:
            done = f"{self.account.done} of {self.account.shards} shards are done and stay"
            raise UserError(f"{error}; {done}; the same command goes on from there") from error
        for manifest in self.before:
            self.account.totals.add(manifest)
        summary.write(now=True)
        return self.account

    def _work(self, tasks: Sequence[Task], summary: Summary) -> None:
        """Have the engine do the tasks, and write what comes."""

        def news(rows: int) -> None:
            summary.done += rows
            if not self.by_shard:
                self.progress.advance(rows, 0)
            summary.write()

        with closing(as_generator(self.engine.run(self.plan, tasks, news))) as outcomes:
            for outcome in outcomes:
                if outcome.result is None:
                    number = outcome.task.shard.number
                    self.account.lost[number] = summary.lost[number] = outcome.lost
                else:
                    summary.finished += self._keep(outcome)
                summary.write()

    def _keep(self, outcome: Outcome) -> int:
        """Write a shard, count it, and return how many rows of it were done now."""
        result = outcome.result
        if isinstance(result, Piece):
            result = self._merged(outcome.task, result)
        assert result is not None
        self.output.write(result)
        self.account.computed += 1
        self.account.done += outcome.task.rows is None
        self.account.totals.add(result.facts)
        failed = result.facts["status"].get("failed", 0)
        if self.by_shard or failed:
            self.progress.advance(int(self.by_shard), failed)
        rows: int = result.facts["rows"]
        return rows if outcome.task.rows is None else len(outcome.task.rows)

    def _merged(self, task: Task, piece: Piece) -> ShardResult:
        """A finished shard with some rows replaced."""
        before = self.output.table(task.shard)
        seconds = self.output.seconds(task.shard, before.num_rows)
        places = {row: place for place, row in enumerate(before.column("row").to_pylist())}
        order = list(range(before.num_rows))
        for new, row in enumerate(piece.table.column("row").to_pylist()):
            order[places[row]] = before.num_rows + new
            seconds[places[row]] = piece.seconds[new]
        table = pa.concat_tables([before, piece.table]).take(pa.array(order))
        return finished(self.plan, task.shard, table, seconds)

    def _tasks(self) -> list[Task]:
        """What is missing, and what is to be done again; what is final is counted."""
        tasks = []
        # Several at a time, since hashing leaves the processor to others while it reads.
        with ThreadPoolExecutor(available_cpus()) as pool:
            manifests = pool.map(lambda shard: self.output.manifest(self.plan, shard), self.plan.shards)
            for shard, manifest in zip(self.plan.shards, manifests, strict=True):
                if manifest is None:
                    tasks.append(Task(shard))
                    continue
                self.account.done += 1
                if self.retry_failed and manifest["status"].get("failed"):
                    tasks.append(Task(shard, self._failed(shard)))
                    self.before.append(manifest)
                else:
                    self.account.totals.add(manifest)
        return tasks

    def _failed(self, shard: Shard) -> tuple[int, ...]:
        """Row numbers of a finished shard's failed rows."""
        table = self.output.table(shard)
        rows: list[int] = table.filter(pc.equal(table.column("status"), "failed")).column("row").to_pylist()
        return tuple(rows)


def size_of(task: Task) -> int | None:
    """Number of rows of a task, None where nobody knows."""
    if task.rows is not None:
        return len(task.rows)
    return None if task.shard.stop is None else task.shard.stop - task.shard.start


def as_generator(outcomes: Iterator[Outcome]) -> Any:
    """An iterator that can be closed, which ends the engine's processes."""
    return outcomes if hasattr(outcomes, "close") else (outcome for outcome in outcomes)
