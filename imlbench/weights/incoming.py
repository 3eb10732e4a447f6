"""A file on its way in: written beside its place, checked, moved into place whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imlbench.errors import UserError
from imlbench.weights.entries import KnownFile

MAX_BYTES = 16 << 30
"""Bound on files whose size the catalogue does not know."""


@dataclass(slots=True)
class Incoming:
    """A file that is being written; refuses more than it may hold.

    Attributes:
        label: of the file, for messages.
        known: what the catalogue says of it.
        temporary: where it is written.
        size: bytes so far.
        sha256: hexadecimal digest, once the file is whole.
    """

    label: str
    known: KnownFile
    temporary: Path
    file: Any
    size: int = 0
    sha256: str = ""
    _total: Any = field(default_factory=hashlib.sha256)

    def expect(self, size: int) -> None:
        """Refuse an announced size before anything is read.

        Raises:
            UserError: it is not the size that is known, or too large.
        """
        if self.known.size is not None and size != self.known.size:
            raise UserError(f"{self.label}: expected {self.known.size:,} bytes, the source announces {size:,}")
        if size > MAX_BYTES:
            raise UserError(f"{self.label}: the source announces {size:,} bytes, at most {MAX_BYTES:,} are taken")

    def write(self, chunk: bytes) -> None:
        """Append.

        Raises:
            UserError: the file is longer than it may be, or the disk is full.
        """
        self.size += len(chunk)
        limit = MAX_BYTES if self.known.size is None else self.known.size
        if self.size > limit:
            raise UserError(f"{self.label}: expected at most {limit:,} bytes, the source sends more")
        self._total.update(chunk)
        try:
            self.file.write(chunk)
        except OSError as error:
            raise UserError(f"{self.label}: {self.temporary.parent} cannot be written ({error.strerror})") from error

    def finish(self, pinned: str | None) -> None:
        """See that what came is what is wanted.

        Args:
            pinned: the hash recorded at an earlier get, None = none; counts where the catalogue knows none.

        Raises:
            UserError: fewer bytes or another hash than expected.
        """
        if self.known.size is not None and self.size != self.known.size:
            told = f"expected {self.known.size:,} bytes, got {self.size:,}: the source's file is truncated or another"
            raise UserError(f"{self.label}: {told}; nothing was kept")
        found = self.sha256 = str(self._total.hexdigest())
        expected = self.known.sha256 or pinned
        if expected and found != expected:
            by = "published" if self.known.sha256 else "recorded at the first get"
            raise UserError(f"{self.label}: expected SHA-256 {expected} ({by}), found {found}; nothing was kept")


@contextmanager
def incoming(label: str, known: KnownFile, target: Path, pinned: str | None) -> Iterator[Incoming]:
    """Write a file, check it, and put it in its place; whatever goes wrong, nothing is left behind.

    Raises:
        UserError: the place cannot be written, or the file is not the expected one.
    """
    made = not os.path.isdir(target.parent)
    temporary = target.parent / f".{target.name[:40]}.{secrets.token_hex(8)}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.isdir(target):
            raise UserError(f"{label}: {target}: a folder is in the way; remove it")
        with temporary.open("xb") as file:
            arriving = Incoming(label, known, temporary, file)
            yield arriving
            arriving.finish(pinned)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"{label}: {target} cannot be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)
        if made and os.path.isdir(target.parent) and not os.listdir(target.parent):
            target.parent.rmdir()


Progress = Callable[[str, int, int | None], None]
"""Is told the file's name, the bytes that have come, and how many are expected, None where that is not known."""


def no_progress(name: str, done: int, total: int | None) -> None:
    """Say nothing."""
