"""The contract between the annotation of a corpus and what spreads its shards over processes and machines."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from imlbench.errors import UserError
from imlbench.settings import available_cpus

if TYPE_CHECKING:
    from imlbench.annotating.manifest import ShardResult
    from imlbench.annotating.plan import Plan
    from imlbench.annotating.shard_work import Piece, Task

News = Callable[[int], None]
"""Told how many rows more are done; a negative number where they were lost with their process."""
EngineName = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works.

    Attributes:
        workers: processes; each holds the annotators and works on one shard at a time.
        gpus: accelerators that they share; 0 = they work on processors.
    """

    workers: int
    gpus: int = 0

    def __post_init__(self) -> None:
        if self.workers < 1 or self.gpus < 0:
            raise UserError(f"--workers: expected at least 1, --gpus at least 0, found {self.workers} and {self.gpus}")
        if self.workers < self.gpus:
            raise UserError(f"--workers {self.workers}: expected at least one a GPU, of which there are {self.gpus}")

    @staticmethod
    def usual(workers: int | None, gpus: int) -> Crew:
        """A worker a GPU, or one a processor where there is none, unless a number is named."""
        return Crew(workers if workers is not None else gpus or available_cpus(), gpus)

    def threads(self) -> int:
        """Threads of each worker that decode while a GPU works; 0 where the worker's processor does both."""
        return max(1, min(8, available_cpus() // self.workers)) if self.gpus else 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task that the engine was given.

    Attributes:
        task: as it was given.
        result: the shard's files where the task was a whole shard, the rows where it was some of them; None where
            the task cannot be done.
        lost: why it cannot be done, on one line.
    """

    task: Task
    result: ShardResult | Piece | None
    lost: str = ""


class Engine(Protocol):
    """Runs `shard_work.annotate_shard` (for a task of some rows, `annotate_task`) where there is room.

    An engine writes no file. It gives a task whose process died to `recovery.Recovery`, which says what to do instead;
    so every engine ends with the same rows.
    """

    def run(self, plan: Plan, tasks: Sequence[Task], news: News) -> Iterator[Outcome]:
        """Every task's outcome, each once, in whatever order they come.

        Few results may exist at a time that were not taken yet. When the iterator is closed, all processes end.

        Args:
            plan: of the annotation.
            tasks: shards, or some rows of them.
            news: is told of progress within tasks.

        Raises:
            UserError: the annotator cannot be built, or no process stays alive.
        """
        ...


def open_engine(name: EngineName, crew: Crew) -> Engine:
    """The engine of that name.

    Raises:
        UserError: Ray is not installed.
    """
    if name == "local":
        from imlbench.annotating.local_engine import LocalEngine

        return LocalEngine(crew)
    if importlib.util.find_spec("ray") is None:
        raise UserError("--engine ray needs Ray: pip install 'imlbench[ray]', or use --engine local")
    ray_engine = importlib.import_module("imlbench.annotating.ray_engine")
    engine: Engine = ray_engine.RayEngine(crew)
    return engine


def device_of(crew: Crew, place: int) -> str:
    """The device of a worker, workers being numbered from 0."""
    return f"cuda:{place % crew.gpus}" if crew.gpus else "cpu"


def one_thread() -> None:
    """Keep arithmetic libraries that are not loaded yet from starting threads beside those of the other workers."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
