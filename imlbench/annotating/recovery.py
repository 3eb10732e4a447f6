"""What becomes of work whose process died: done again, then cut in halves until the pair that kills is alone.

No engine's own: an engine hands tasks to processes, tells what came of them, and gets the tasks to do instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from imlbench.annotating.manifest import ShardResult, finished
from imlbench.annotating.rows import table_of, unread_row
from imlbench.annotating.shard_work import KILLED, Piece, Task
from imlbench.errors import Reason

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan

ATTEMPTS = 2
"""A shard, or a single pair, is given up after so many deaths: one may be somebody else's doing."""
MOST_KILLERS = 16
"""Pairs of a shard that are looked for one by one. Beyond, whatever kills is recorded as failed together: a damaged
column of a part would otherwise cost two processes a row."""


@dataclass(slots=True)
class Recovery:
    """The state of one task that was asked for.

    Attributes:
        plan: of the annotation.
        asked: the task.
        result: what was asked for, once it is there.
        lost: why it will not be there, on one line; empty while there is hope.
    """

    plan: Plan
    asked: Task
    result: ShardResult | Piece | None = None
    lost: str = ""
    _deaths: dict[Task, int] = field(default_factory=dict)
    _pieces: dict[Task, Piece] = field(default_factory=dict)
    _missing: int = 1
    _killers: int = 0

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to do."""
        return self.result is not None or bool(self.lost)

    def died(self, task: Task, how: str, done: int = 0) -> list[Task]:
        """The process of a task died; what to do next.

        Args:
            task: the one that was asked for, or one that came from here.
            how: the process' end, for people.
            done: rows that it had told of: what it died of is likely to be in the batch after them.
        """
        self._deaths[task] = self._deaths.get(task, 0) + 1
        alone = task == self.asked or (task.rows is not None and len(task.rows) == 1)
        if self._deaths[task] < (ATTEMPTS if alone or task.unopened else 1):
            return [task]
        rows = rows_of(task)
        if rows is None:
            # Read through without opening an image, it tells how many rows there are.
            if not task.unopened:
                return [replace(task, unopened=True)]
            self.lost = f"{task.shard.part.name}: whoever reads it is {how}; take it out of the corpus"
            return []
        if task.unopened:
            self._unseen(task, rows)
            return []
        if len(rows) == 1 or self._killers >= MOST_KILLERS:
            self._killers += 1
            return [replace(task, rows=rows, unopened=True)]
        return self._around(task, rows, done) or self._halves(task, rows)

    def came(self, task: Task, found: ShardResult | Piece) -> list[Task]:
        """A task is done; what to do next."""
        if isinstance(found, ShardResult):
            self.result = found
        elif task.rows is None:
            start = task.shard.start
            return self._halves(task, tuple(range(start, start + found.table.num_rows)))
        else:
            self._keep(task, found)
        return []

    def gave_up(self, message: str) -> None:
        """A worker says that the task cannot be done."""
        self.lost = message

    def _around(self, task: Task, rows: tuple[int, ...], done: int) -> list[Task]:
        """A task cut into what was done, the batch after it, and the rest; nothing where no row is known to be done."""
        if not 0 < done < len(rows):
            return []
        end = done + self.plan.batch_size
        pieces = [found for found in (rows[:done], rows[done:end], rows[end:]) if found]
        self._missing += len(pieces) - 1
        return [replace(task, rows=found) for found in pieces]

    def _halves(self, task: Task, rows: tuple[int, ...]) -> list[Task]:
        """A task cut in two, or what is known of a shard of fewer rows."""
        if len(rows) < 2:
            self._killers += len(rows)
            return [replace(task, rows=rows, unopened=True)]
        self._missing += 1
        half = len(rows) // 2
        return [replace(task, rows=chosen, unopened=False) for chosen in (rows[:half], rows[half:])]

    def _unseen(self, task: Task, rows: tuple[int, ...]) -> None:
        """Record rows of which nothing can be read."""
        part, label = task.shard.part.name, self.plan.corpus.label
        found = [unread_row(part, number, label) for number in rows]
        for row in found:
            row.end("failed", Reason.UNREADABLE.value, KILLED)
        self._keep(replace(task, rows=rows), Piece(table_of(found), (0.0,) * len(found)))

    def _keep(self, task: Task, piece: Piece) -> None:
        """Keep some rows, and put all together once they are there."""
        self._pieces[task] = piece
        self._missing -= 1
        if self._missing:
            return
        ordered = sorted(self._pieces, key=lambda done: done.rows or ())
        table = pa.concat_tables([self._pieces[done].table for done in ordered])
        seconds = tuple(value for done in ordered for value in self._pieces[done].seconds)
        if self.asked.rows is None:
            self.result = finished(self.plan, self.asked.shard, table, seconds)
        else:
            self.result = Piece(table, seconds)


def rows_of(task: Task) -> tuple[int, ...] | None:
    """The rows of a task, None where their number is not known."""
    if task.rows is not None:
        return task.rows
    shard = task.shard
    return None if shard.stop is None else tuple(range(shard.start, shard.stop))
