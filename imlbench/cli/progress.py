"""Progress of a long command: a bar with rate and remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LINE_SECONDS = 10.0


class ProgressLines:
    """A line every ten seconds, on standard error."""

    def __init__(self, label: str, unit: str) -> None:
        self.label, self.unit = label, unit
        self.total = self.done = self.failed = 0
        self.started = self.printed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def start(self, total: int) -> None:
        """Begin anew."""
        self.total, self.done, self.failed = total, 0, 0
        self.started = self.printed = time.monotonic()

    def advance(self, samples: int, failed: int) -> None:
        """Count, and print when it is time or when all is done."""
        self.done += samples
        self.failed += failed
        if time.monotonic() - self.printed >= LINE_SECONDS or self.done == self.total:
            self.printed = time.monotonic()
            typer.echo(self.line(), err=True)

    def line(self) -> str:
        """How many are done, rate, remaining time, failures."""
        rate = self.done / max(time.monotonic() - self.started, 1e-9)
        remaining = (self.total - self.done) / rate
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.label}: {self.done}/{self.total} {self.unit}, {rate:.1f}/s, {remaining:.0f} s left{failed}"


class ProgressBar:
    """A bar on a terminal, on standard error."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.failed = 0
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
        )
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._bar is not None
        self._bar.stop()

    def start(self, total: int) -> None:
        """Begin a new bar."""
        assert self._bar is not None
        self.failed = 0
        self._task = self._bar.add_task(self.label, total=total, rate="", failed="")

    def advance(self, samples: int, failed: int) -> None:
        """Move on."""
        assert self._bar is not None
        assert self._task is not None
        self.failed += failed
        self._bar.advance(self._task, samples)
        speed = self._bar.tasks[self._task].finished_speed or self._bar.tasks[self._task].speed
        rate = f"{speed:.1f}/s" if speed else ""
        self._bar.update(self._task, rate=rate, failed=f"{self.failed} failed" if self.failed else "")


def progress(label: str, unit: str = "samples") -> ProgressBar | ProgressLines:
    """A bar where standard error is a terminal, else lines, which name what is counted."""
    return ProgressBar(label) if sys.stderr.isatty() else ProgressLines(label, unit)
