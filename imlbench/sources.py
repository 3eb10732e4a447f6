"""Where the bytes of an image come from: a file under a dataset's root, memory, or nowhere."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Protocol

from imlbench.errors import Reason, SampleError

MAX_FILE_BYTES = 1 << 30
"""Files above 1 GiB are refused before they are read."""


class Source(Protocol):
    """A place that holds one encoded image."""

    @property
    def name(self) -> str:
        """Short name for messages, relative to the dataset's root."""
        ...

    def read(self) -> bytes:
        """The encoded bytes.

        Raises:
            SampleError: the bytes cannot be had.
        """
        ...

    def signature(self) -> str:
        """Cheap text that changes when the content changes; empty when nothing is there."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file below `root` (an absolute path without symbolic links) at the relative path `name`."""

    root: str
    name: str

    def path(self) -> str:
        """Absolute path of the file, with every symbolic link resolved.

        Raises:
            SampleError: the path leads out of the root.
        """
        try:
            path = os.path.realpath(os.path.join(self.root, self.name))
        except ValueError:
            raise SampleError(Reason.MISSING_FILE, f"{self.name}: not a file name") from None
        if os.path.commonpath((path, self.root)) != self.root:
            raise SampleError(Reason.OUTSIDE_ROOT, f"{self.name}: leads out of the dataset's root; refused")
        return path

    def read(self) -> bytes:
        path = self.path()
        try:
            # Not blocking: opening a named pipe that poses as an image must not hang the run.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            raise SampleError(Reason.MISSING_FILE, f"{self.name}: no such file") from None
        except OSError as error:
            raise SampleError(Reason.UNREADABLE, f"{self.name}: {error.strerror}") from None
        try:
            status = os.fstat(descriptor)
            # Before the file object is made: making one of a folder raises.
            if not stat.S_ISREG(status.st_mode):
                raise SampleError(Reason.UNREADABLE, f"{self.name}: not a regular file")
            if status.st_size > MAX_FILE_BYTES:
                raise SampleError(Reason.TOO_LARGE, f"{self.name}: {status.st_size} bytes, limit {MAX_FILE_BYTES}")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read()
        except OSError as error:
            raise SampleError(Reason.UNREADABLE, f"{self.name}: {error.strerror}") from None
        finally:
            os.close(descriptor)

    def signature(self) -> str:
        try:
            # Not `os.path.join`, which is looked at for every sample: `name` is relative.
            status = os.stat(f"{self.root}{os.sep}{self.name}")
        except (OSError, ValueError):
            return ""
        return f"{status.st_size}:{status.st_mtime_ns}"


@dataclass(frozen=True, slots=True)
class BytesSource:
    """An encoded image that is already in memory."""

    name: str
    data: bytes

    def read(self) -> bytes:
        return self.data

    def signature(self) -> str:
        return str(len(self.data))


@dataclass(frozen=True, slots=True)
class BrokenSource:
    """A partner that the dataset's index could not find, or found twice: reading it raises why."""

    name: str
    reason: Reason
    message: str

    def read(self) -> bytes:
        raise SampleError(self.reason, self.message)

    def signature(self) -> str:
        return ""
