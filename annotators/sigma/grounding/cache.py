"""Priors on disk: each is computed once per pair, ever, by whichever process comes first.

An entry is a file of fixed length: a line that names the format, the key, the prior, a checksum over all of them.
What is not exactly that (cut short by a crash, flipped by a disk, put there by someone else) is no entry, is
computed anew and replaced. Entries are written whole or not at all, so that processes need no lock.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from annotators.sigma.grounding import prior as numbers
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

HEADER = b"imlbench prior 1\n"
SUFFIX = ".prior"
ABANDONED = 3600.0
"""Seconds after which a temporary file is one that a killed process left."""

log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Where priors are kept: $XDG_CACHE_HOME/imlbench/priors, ~/.cache/imlbench/priors by default."""
    # Not Path.home(), which raises where a container's user has no home.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "imlbench" / "priors"


def key_of(
    original: Image,
    edited: Image,
    instruction: str | None,
    parser: str,
    grounder: str,
    lattice: tuple[int, int],
    epsilon: float,
) -> bytes:
    """The 32 bytes that stand for everything that a prior depends on.

    Args:
        original: H x W x 3, uint8.
        edited: H x W x 3, uint8.
        instruction: any text, only ever hashed.
        parser: the parser's identity.
        grounder: the grounder's identity.
        lattice: rows and columns.
        epsilon: the floor.
    """
    facts = [numbers.VERSION, image_hash(original), image_hash(edited), instruction, parser, grounder]
    # JSON keeps the parts apart, and text that cannot be encoded is escaped.
    return hashlib.sha256(json.dumps([*facts, list(lattice), repr(float(epsilon))]).encode("ascii")).digest()


def image_hash(image: Image) -> str:
    """Hexadecimal SHA-256 of an image's shape and pixels."""
    pixels = np.ascontiguousarray(image)
    digest = hashlib.sha256(repr((pixels.shape, str(pixels.dtype))).encode())
    digest.update(pixels.data)
    return digest.hexdigest()


class PriorCache:
    """Priors in a folder that several processes share. Nothing that is wrong with the folder fails a run.

    Args:
        folder: created when the first entry is written.
        max_bytes: where given, entries that were used longest ago are removed beyond this size.
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int | None = None) -> None:
        self.folder = default_folder() if folder is None else Path(folder)
        self.max_bytes = max_bytes
        self._bytes: int | None = None
        self._told = False

    def path(self, key: bytes) -> Path:
        """The file of a key. In 256 folders, since some file systems are slow with many files in one."""
        return self.folder / key.hex()[:2] / (key.hex() + SUFFIX)

    def read(self, key: bytes, lattice: tuple[int, int]) -> NDArray[np.float32] | None:
        """The prior of a key, of the lattice's shape; None where there is none that can be trusted."""
        path = self.path(key)
        try:
            data = read_regular(path, entry_length(lattice))
        except FileNotFoundError:
            return None
        except OSError as error:
            self.complain(f"{path}: cannot be read ({error.strerror})")
            return None
        found = None if data is None else decode(data, key, lattice)
        if found is not None and self.max_bytes is not None:
            touch(path)
        return found

    def write(self, key: bytes, prior: NDArray[np.float32]) -> None:
        """Keep a prior. A full disk or a read-only folder costs only the time of computing it again."""
        data = encode(prior, key)
        try:
            write_atomically(self.path(key), data)
        except UserError as error:
            self.complain(str(error))
            return
        if self.max_bytes is not None:
            self._bytes = None if self._bytes is None else self._bytes + len(data)
            if self._bytes is None or self._bytes > self.max_bytes:
                self._bytes = prune(self.folder, self.max_bytes)

    def complain(self, message: str) -> None:
        """Say once that the cache does not work; a warning per sample would bury all else."""
        if not self._told:
            log.warning("priors are not cached: %s", one_line(message, 300))
            self._told = True


def entry_length(lattice: tuple[int, int]) -> int:
    """Bytes of an entry."""
    return len(HEADER) + 32 + 4 * math.prod(lattice) + 32


def encode(prior: NDArray[np.float32], key: bytes) -> bytes:
    """An entry's bytes."""
    body = HEADER + key + np.ascontiguousarray(prior, "<f4").tobytes()
    return body + hashlib.sha256(body).digest()


def decode(data: bytes, key: bytes, lattice: tuple[int, int]) -> NDArray[np.float32] | None:
    """The prior in an entry's bytes; None where they are not exactly the entry of this key and this lattice."""
    start = len(HEADER) + len(key)
    body, checksum = data[:-32], data[-32:]
    if len(data) != entry_length(lattice) or body[:start] != HEADER + key or hashlib.sha256(body).digest() != checksum:
        return None
    prior = np.frombuffer(body, "<f4", offset=start).reshape(lattice).astype(np.float32)
    # Anyone can compute a checksum; what the network gets must be a prior all the same.
    return prior if prior.min() > 0 and prior.max() <= 1 else None


def read_regular(path: Path, length: int) -> bytes | None:
    """A file's bytes; None where it is no regular file (a pipe would wait for ever) or not of this length."""
    flags = (getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
    descriptor = os.open(path, os.O_RDONLY | sum(flags))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != length:
            return None
        return os.read(descriptor, length + 1)
    finally:
        os.close(descriptor)


def touch(path: Path) -> None:
    """Mark an entry as just used; where that is not allowed, its age counts from when it was written."""
    try:
        os.utime(path)
    except OSError as error:
        log.debug("%s: %s", path, error)


def prune(folder: Path, max_bytes: int) -> int:
    """Remove what killed processes left, and the entries used longest ago beyond `max_bytes`.

    Only files that this cache names are touched. Other processes may do the same at the same time.

    Returns:
        Bytes of the entries that are left.
    """
    entries = []
    for file in folder.glob("[0-9a-f][0-9a-f]/*"):
        status = status_of(file)
        if status is None:
            continue
        if is_temporary(file) and time.time() - status.st_mtime > ABANDONED:
            remove(file)
        elif file.suffix == SUFFIX and not file.name.startswith("."):
            entries.append((status.st_mtime_ns, file, status.st_size))
    total = sum(size for _, _, size in entries)
    # A tenth is freed at once, so that not every further entry searches the whole folder.
    goal = max_bytes if total <= max_bytes else 0.9 * max_bytes
    for _, file, size in sorted(entries):
        if total <= goal:
            break
        remove(file)
        total -= size
    return total


def status_of(file: Path) -> os.stat_result | None:
    """Size and times of a regular file; None where it is none or another process removed it."""
    try:
        status = os.lstat(file)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def is_temporary(file: Path) -> bool:
    """Whether an atomic write gives such a name before it renames: a dot, part of a key, a dot, random digits."""
    stem, _, random = file.name[1:].partition(".")
    digits = set("0123456789abcdef")
    return file.name.startswith(".") and len(stem) == 40 and set(stem + random) <= digits and len(random) == 16


def remove(file: Path) -> None:
    """Remove a file that another process may have removed already."""
    try:
        os.unlink(file)
    except OSError as error:
        log.debug("%s: %s", file, error)
