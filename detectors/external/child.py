"""A detector's process as imlbench sees it: started, fed, listened to, and ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO

from detectors.external.protocol import LONGEST_LINE, Request
from imlbench.errors import UserError, one_line

PATIENCE = 5.0
"""Seconds that a child gets to end by itself."""


class ChildDiedError(Exception):
    """The process has ended, and how."""


class ChildHangsError(Exception):
    """The process has said nothing for too long."""


class Child:
    """One process. Its lines are read by threads, so that a child which prints much is never blocked.

    Args:
        command: the program and its arguments.
        folder: that it runs in; empty = the current one.
        variables: of its environment, beside those of this process.

    Raises:
        UserError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], folder: str = "", variables: Mapping[str, str] | None = None) -> None:
        try:
            self.process = subprocess.Popen(
                command,
                cwd=folder or None,
                env={**os.environ, **(variables or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A session of its own: ending it ends what it started too.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = one_line(getattr(error, "strerror", "") or error, 120)
            raise UserError(f"{one_line(' '.join(command), 200)}: cannot be started ({reason})") from error
        self.lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.complaint = ""
        self.chatter = ""
        self._listeners = [
            threading.Thread(target=self._listen, args=(self.process.stdout, True), daemon=True),
            threading.Thread(target=self._listen, args=(self.process.stderr, False), daemon=True),
        ]
        for listener in self._listeners:
            listener.start()

    def _listen(self, pipe: IO[bytes], answers: bool) -> None:
        """Hand on lines of the output, and remember those of the errors, until the pipe is closed."""
        with contextlib.suppress(OSError, ValueError):
            while line := pipe.readline(LONGEST_LINE + 1):
                if answers:
                    self.lines.put(line)
                else:
                    self.complaint = text_of(line) or self.complaint
        if answers:
            self.lines.put(None)

    def remember(self, line: bytes) -> None:
        """Keep a line of the output that is no answer for messages."""
        self.chatter = text_of(line) or self.chatter

    def ask(self, request: Request) -> None:
        """Send a request.

        Raises:
            ChildDiedError: the process has ended.
        """
        try:
            self.process.stdin.write(request.line())  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except (OSError, ValueError) as error:
            raise ChildDiedError(self.how_it_ended()) from error

    def hear(self, until: float) -> bytes:
        """The next line of its output.

        Args:
            until: moment of `time.monotonic` to wait for.

        Raises:
            ChildDiedError: the process has ended.
            ChildHangsError: the moment has come.
        """
        try:
            line = self.lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise ChildHangsError from None
        if line is None:
            raise ChildDiedError(self.how_it_ended())
        return line

    def how_it_ended(self) -> str:
        """Exit code or signal, and the last that it printed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        self._listeners[1].join(PATIENCE)
        code = self.process.poll()
        if code is None:
            ended = "closed its output"
        else:
            ended = f"ended with code {code}" if code >= 0 else f"killed by {signal_name(-code)}"
        return ended + self.last_words()

    def last_words(self) -> str:
        """The last line among its errors, else of its output, as the end of a message."""
        printed = self.complaint or self.chatter
        return f"; it printed last: {printed}" if printed else ""

    def end(self) -> None:
        """Close its input, then end it and what it started."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
        with contextlib.suppress(OSError):
            # Its session outlives it where it has left processes behind.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for listener in self._listeners:
            listener.join(PATIENCE)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()  # type: ignore[union-attr]


def text_of(line: bytes) -> str:
    """A line as text for messages; empty where there is nothing to read in it."""
    return one_line(line.decode("utf-8", "replace"), 200)


def signal_name(number: int) -> str:
    """A signal's name, or its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
