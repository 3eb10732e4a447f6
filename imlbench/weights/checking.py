"""Is a file what it should be: its size and SHA-256, computed once for each size and time of change."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imlbench.errors import UserError
from imlbench.files import write_atomically

CACHE = "verified.json"
"""In the weights folder: path -> [size, time of change in nanoseconds, SHA-256]."""
PINS = "pinned.json"
"""Beside the files: name -> what the first get recorded of a file whose hash the catalogue does not know."""
CHUNK = 1 << 20

Advance = Callable[[int], None]
"""Is told how many more bytes are done."""


def digest(path: Path, advance: Advance | None = None) -> str:
    """Hexadecimal SHA-256 of a file.

    Raises:
        UserError: it cannot be read.
    """
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                total.update(chunk)
                if advance:
                    advance(len(chunk))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    return total.hexdigest()


def cached_digest(path: Path, root: Path) -> str:
    """SHA-256 of a file, from the cache in `root` where neither its size nor its time of change is another.

    Raises:
        UserError: it cannot be read.
    """
    stamp = signature(path)
    known = read_cache(root)
    if known.get(str(path), [])[:2] == stamp:
        return str(known[str(path)][2])
    found = digest(path)
    remember(root, path, stamp, found)
    return found


def known_digest(path: Path, root: Path) -> str | None:
    """SHA-256 of a file if the cache has it; nothing is computed."""
    known = read_cache(root).get(str(path), [])
    return str(known[2]) if os.path.isfile(path) and known[:2] == signature(path) else None


def remember(root: Path, path: Path, stamp: list[int], sha256: str) -> None:
    """Write a digest into the cache. A place that cannot be written only costs computing it again."""
    try:
        write_atomically(root / CACHE, json.dumps({**read_cache(root), str(path): [*stamp, sha256]}, indent=1))
    except UserError:
        return


def signature(path: Path) -> list[int]:
    """Size and time of change; a file that differs in neither is taken for the same.

    Raises:
        UserError: it has gone.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    return [status.st_size, status.st_mtime_ns]


def read_cache(root: Path) -> dict[str, list[Any]]:
    """The cache; entries that make no sense are left out, since all of it can be computed again."""
    try:
        known = json.loads((root / CACHE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    rows = known.items() if isinstance(known, dict) else ()
    return {
        path: row for path, row in rows if isinstance(row, list) and [type(value) for value in row] == [int, int, str]
    }


def read_pins(folder: Path) -> dict[str, dict[str, Any]]:
    """What the first get recorded beside the files: name -> sha256, size, source, recorded.

    Raises:
        UserError: there is a record that cannot be read. It is what later files are held against, so it must not be
            passed over.
    """
    path = folder / PINS
    if not os.path.lexists(path):
        return {}
    try:
        pins = json.loads(path.read_bytes())
        if not isinstance(pins, dict) or not all(isinstance(pin["sha256"], str) for pin in pins.values()):
            raise ValueError
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a record of hashes; delete {folder} and get the weights again") from error
    return pins


def write_pins(folder: Path, pins: dict[str, dict[str, Any]]) -> None:
    """Record hashes beside the files.

    Raises:
        UserError: the folder cannot be written.
    """
    write_atomically(folder / PINS, json.dumps(pins, indent=1, sort_keys=True) + "\n")
