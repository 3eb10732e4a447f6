"""Records what an adapter does besides computing: files written, connections opened, processes started.

Python announces such acts as audit events (PEP 578). What native code does by itself is not announced; a
file that it leaves in the working folder is noticed all the same. The guard reports, it does not confine: it
catches an adapter that forgot to behave, not one that means to hide.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from imlbench.errors import one_line

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FILE_EVENTS = frozenset(
    f"os.{act}"
    for act in ("mkdir", "rename", "remove", "rmdir", "link", "symlink", "truncate", "chmod", "chown", "utime")
)
NETWORK_EVENTS = frozenset(
    f"socket.{act}" for act in ("connect", "bind", "sendto", "getaddrinfo", "gethostbyname", "gethostbyaddr")
)
PROCESS_EVENTS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "pty.spawn")
)


@dataclass(slots=True)
class Record:
    """Acts noticed, one line each, in order of appearance and without repetition."""

    writes: dict[str, None] = field(default_factory=dict)
    network: dict[str, None] = field(default_factory=dict)
    processes: dict[str, None] = field(default_factory=dict)


_listening: list[Record] = []
_lock = threading.Lock()
_installed = False


@contextmanager
def watch(record: Record) -> Iterator[None]:
    """Note in `record` what this process does while the block runs, in whichever thread."""
    install()
    before = names_in_working_folder()
    with _lock:
        _listening.append(record)
    try:
        yield
    finally:
        with _lock:
            # By identity, since two records that noticed the same acts are equal; and only one of them, since
            # several threads may watch for the same record.
            del _listening[next(place for place, other in enumerate(_listening) if other is record)]
        for name in sorted(names_in_working_folder() - before):
            record.writes.setdefault(f"left {one_line(name, 120)} in the working folder")


def install() -> None:
    """Add the audit hook once; Python offers no way to take one out, so it stays and is silent."""
    global _installed
    with _lock:
        if not _installed:
            sys.addaudithook(_hear)
            _installed = True


def names_in_working_folder() -> set[str]:
    """Names in the current folder; empty where it cannot be listed."""
    try:
        return set(os.listdir())
    except OSError:
        return set()


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listening:
        return
    attribute = classify(event, arguments)
    # Compiled modules and caches that an import leaves behind are the interpreter's doing.
    if attribute is None or importing(sys._getframe()):
        return
    for record in _listening.copy():
        getattr(record, attribute).setdefault(describe(event, arguments))


def classify(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The attribute of `Record` that an audit event belongs to, or None for a harmless one."""
    if event == "open":
        return "writes" if opens_for_writing(*arguments) else None
    if event == "sqlite3.connect":
        return "writes" if arguments[0] != ":memory:" else None
    if event in FILE_EVENTS:
        return "writes"
    if event in NETWORK_EVENTS:
        return "network"
    return "processes" if event in PROCESS_EVENTS else None


def opens_for_writing(path: object, mode: object, flags: object) -> bool:
    """Whether an `open` event creates or changes a file; descriptors and the null device do not count."""
    if isinstance(path, int) or path in (os.devnull, os.devnull.encode()):
        return False
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & WRITING)


def importing(frame: FrameType | None) -> bool:
    """Whether the act happens within an import statement."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib._bootstrap"):
            return True
        frame = frame.f_back
    return False


def describe(event: str, arguments: tuple[Any, ...]) -> str:
    """The event and its first telling argument, on one line."""
    position = 1 if event in ("socket.connect", "socket.bind", "socket.sendto") else 0
    detail = arguments[position] if len(arguments) > position else ""
    return one_line(f"{event} {detail}", 160)
