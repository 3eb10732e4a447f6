"""Finding weights that are on this machine, and refusing those that are not what they should be."""

from __future__ import annotations

import os
from pathlib import Path

from imlbench.errors import UserError
from imlbench.weights.checking import cached_digest, read_pins
from imlbench.weights.entries import BY_HAND, KnownFile, WeightFile, entry
from imlbench.weights.known import catalogue
from imlbench.weights.places import Place, place, weights_root


def locate(name: str, root: Path | None = None) -> Path:
    """Weights of the catalogue, verified: the file where they are one file, else the folder that holds them.

    Nothing is downloaded. Hashing is done once for each size and time of change of a file.

    Args:
        name: of the catalogue, such as "taef2".
        root: the weights folder; None = the configured one.

    Raises:
        UserError: there are no such weights, a file is missing or is not the right one; says how to get them.
    """
    wanted = entry(name, catalogue().values())
    found = place(wanted, root)
    pins = read_pins(found.folder)
    for file, path in zip(wanted.files, found.files, strict=True):
        check(wanted, found, file, path, weights_root(root), pins.get(path.name, {}).get("sha256"))
    return found.path


def lacking(name: str) -> str:
    """What keeps weights of the catalogue from being used here, as `locate` would say it; empty = nothing is seen.

    Nothing is read: a file of the right size with another content is found by `locate` alone.
    """
    try:
        wanted = entry(name, catalogue().values())
        found = place(wanted)
        for file, path in zip(wanted.files, found.files, strict=True):
            present(wanted, found, file, path)
    except UserError as error:
        return str(error)
    return ""


def check(entry: WeightFile, where: Place, file: KnownFile, path: Path, root: Path, pinned: str | None = None) -> None:
    """See that a file is there and has the size and the hash that the catalogue, or the first get, knows of.

    Raises:
        UserError: it is missing, no file, or another one.
    """
    present(entry, where, file, path)
    expected = file.sha256 or pinned
    if expected is None:
        return
    found = cached_digest(path, root)
    if found != expected:
        raise UserError(wrong_hash(entry, where, path, expected, found, recorded=file.sha256 is None))


def present(entry: WeightFile, where: Place, file: KnownFile, path: Path) -> None:
    """See that a file is there and has the size that is known; nothing is read.

    Raises:
        UserError: it is missing, no file, or has another size.
    """
    if os.path.isdir(path):
        raise UserError(f"weights {entry.name}: {path}: expected a file, found a folder; {remedy(entry, where)}")
    if not os.path.isfile(path):
        raise UserError(f"weights {entry.name}: no file {path}; {remedy(entry, where)}")
    size = os.path.getsize(path)
    if file.size is not None and size != file.size:
        kind = "a truncated file" if size < file.size else "another file"
        expected = f"expected {file.size:,} bytes, found {size:,}: {kind}"
        raise UserError(f"weights {entry.name}: {path}: {expected}; {remedy(entry, where)}")


def wrong_hash(entry: WeightFile, where: Place, path: Path, expected: str, found: str, recorded: bool) -> str:
    """What is said of a file that has another hash."""
    by = "recorded at the first get" if recorded else "published"
    told = f"expected SHA-256 {expected} ({by}), found {found}"
    return f"weights {entry.name}: {path}: {told}; {remedy(entry, where)}"


def remedy(entry: WeightFile, where: Place | None = None) -> str:
    """What to do where weights are missing or wrong."""
    if where is not None and where.named_by:
        return f"{where.named_by} names this place: put {', '.join(entry.names)} there, or name another"
    if entry.source in BY_HAND:
        return entry.how
    return f"imlbench weights get {entry.name}, or imlbench weights get {entry.name} --from FOLDER"
