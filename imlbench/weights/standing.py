"""How it stands with the catalogue's weights on this machine, for lists and verification."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from imlbench.errors import UserError
from imlbench.weights.checking import Advance, digest, known_digest, read_pins, remember, signature
from imlbench.weights.entries import KnownFile, WeightFile
from imlbench.weights.locating import present, wrong_hash
from imlbench.weights.places import Place, place, weights_root


class State(StrEnum):
    """Of a file, and of an entry, whose worst file decides."""

    VERIFIED = "verified"
    """There, with the right hash."""
    PRESENT = "present"
    """There, with the right size; its hash has not been computed since it last changed, or nothing is known of it."""
    MISSING = "missing"
    WRONG = "wrong"


ORDER = list(State)


@dataclass(frozen=True, slots=True)
class FileStanding:
    """One file: where it should be, its state and, where it is wrong or missing, what is said of it."""

    file: KnownFile
    path: Path
    state: State
    pin: dict[str, Any]
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = {"name": self.file.name, "path": str(self.path), "size": self.file.size, "sha256": self.file.sha256}
        return {**facts, "state": self.state, "pinned": self.pin or None, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry on this machine."""

    entry: WeightFile
    place: Place
    files: tuple[FileStanding, ...]

    @property
    def state(self) -> State:
        """The worst of the files'."""
        return max((file.state for file in self.files), key=ORDER.index)

    @property
    def hash_known(self) -> str:
        """Whether there is something to verify against, in words."""
        unknown = [file for file in self.files if file.file.sha256 is None]
        if not unknown:
            return "known"
        if all(file.pin for file in unknown):
            return f"recorded {min(str(file.pin.get('recorded', '')) for file in unknown)[:10]}"
        return "hash unknown: recorded at the first get"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        entry = self.entry
        facts = {"name": entry.name, "title": entry.title, "licence": entry.licence, "licence_url": entry.licence_url}
        facts |= {"source": entry.source, "origin": entry.origin, "revision": entry.revision}
        about = {
            "size": entry.size,
            "sha256": entry.sha256,
            "hash": self.hash_known,
            "needed_by": list(entry.needed_by),
        }
        here = {"state": self.state, "path": str(self.place.path), "named_by": self.place.named_by}
        return {**facts, **about, **here, "files": [file.as_dict() for file in self.files]}


def standing(
    entry: WeightFile, root: Path | None = None, rehash: bool = False, advance: Advance | None = None
) -> Standing:
    """How it stands with an entry.

    Args:
        entry: of the catalogue.
        root: the weights folder; None = the configured one.
        rehash: compute every hash anew; else only what an earlier verification remembers counts.
        advance: is told of bytes that have been hashed.

    Raises:
        UserError: the configuration, or a record of hashes, cannot be read.
    """
    where = place(entry, root)
    pins = read_pins(where.folder)
    files = []
    for file, path in zip(entry.files, where.files, strict=True):
        pin = pins.get(path.name, {})
        state, reason = judge(entry, where, file, path, pin, weights_root(root), rehash, advance)
        files.append(FileStanding(file, path, state, pin, reason))
    return Standing(entry, where, tuple(files))


def judge(
    entry: WeightFile,
    where: Place,
    file: KnownFile,
    path: Path,
    pin: dict[str, Any],
    root: Path,
    rehash: bool,
    advance: Advance | None,
) -> tuple[State, str]:
    """State of one file, and why where it is not right."""
    if not path.exists():
        return State.MISSING, f"no file {path}"
    try:
        present(entry, where, file, path)
        found = hashed(path, root, advance) if rehash else known_digest(path, root)
    except UserError as error:
        return State.WRONG, str(error)
    expected = file.sha256 or pin.get("sha256")
    if found is None or expected is None:
        return State.PRESENT, ""
    if found != expected:
        return State.WRONG, wrong_hash(entry, where, path, expected, found, recorded=file.sha256 is None)
    return State.VERIFIED, ""


def hashed(path: Path, root: Path, advance: Advance | None) -> str:
    """SHA-256, computed anew and remembered."""
    stamp = signature(path)
    found = digest(path, advance)
    remember(root, path, stamp, found)
    return found
