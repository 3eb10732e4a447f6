"""The weights that an adapter uses: where those of an entry lie on this machine, and how a card names them.

A place that the user names may hold any weights: what they are is on the adapter's card, by their hash. Those of the
weights folder, or of a package, are verified. Nothing heavy is imported.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from imlbench.cards import Weight
from imlbench.errors import UserError
from imlbench.weights.checking import cached_digest
from imlbench.weights.known import catalogue
from imlbench.weights.locating import lacking, locate
from imlbench.weights.places import Place, place, weights_root


def files_here(name: str) -> tuple[Path, ...]:
    """The files that `required_files` would find, in the catalogue's order; none where one is missing.

    Nothing is read.

    Args:
        name: of the catalogue's entry.
    """
    try:
        found = place(catalogue()[name])
    except UserError:
        # A broken config file is told of when the adapter is built; its card can be read all the same.
        return ()
    return found.files if complete(found) else ()


def file_here(name: str) -> Path | None:
    """The file that `required_file` would find; None where it would find none. Nothing is read."""
    return next(iter(files_here(name)), None)


def required_files(name: str) -> tuple[Path, ...]:
    """The weights: the place that the user names, which may hold any, or the weights folder, where they are verified.

    Args:
        name: of the catalogue's entry.

    Raises:
        UserError: they are not there, or damaged; the message says how to get them.
    """
    found = place(catalogue()[name])
    if not (found.named_by and complete(found)):
        locate(name)
    return found.files


def required_file(name: str) -> Path:
    """As `required_files`, of an entry that is one file.

    Raises:
        UserError: it is not there, or damaged; the message says how to get it.
    """
    (file,) = required_files(name)
    return file


def lacking_files(name: str) -> str:
    """What `required_files`, or `required_file`, would complain of without reading a file; empty = nothing."""
    found = place(catalogue()[name])
    return "" if found.named_by and complete(found) else lacking(name)


def given_files(name: str, given: str | Path) -> tuple[Path, ...]:
    """The files of an entry that a caller names: the file itself, or the folder that holds them under their names.

    Raises:
        UserError: a file is missing.
    """
    path, names = Path(given), catalogue()[name].names
    files = tuple(path / one for one in names) if os.path.isdir(path) else (path,)
    if len(files) != len(names) or not all(os.path.isfile(file) for file in files):
        raise UserError(
            f"{name}: {path}: expected {'the file' if len(names) == 1 else 'a folder with'} {', '.join(names)}"
        )
    return files


def complete(found: Place) -> bool:
    """Whether all files of a place are there."""
    return all(os.path.isfile(path) for path in found.files)


def hash_of(path: Path) -> str:
    """SHA-256 of a weight file, hexadecimal; computed once for each size and time of it, since some have gigabytes.

    Raises:
        UserError: it cannot be read.
    """
    return cached_digest(Path(os.path.abspath(path)), weights_root())


def known_weight(name: str) -> Weight:
    """The tensors of an entry of the catalogue, whose hash is known, as a card names them."""
    entry = catalogue()[name]
    return Weight(name=name, sha256=entry.sha256 or "", licence=entry.licence, source=entry.origin)


def weights_of(name: str, paths: Sequence[Path]) -> tuple[Weight, ...]:
    """Files as a card names them, with the SHA-256 of what is there now and the licence of the entry.

    Args:
        name: of the catalogue's entry that the files stand for.
        paths: the files.

    Raises:
        UserError: a file cannot be read.
    """
    entry = catalogue()[name]
    return tuple(
        Weight(name=path.name, sha256=hash_of(path), licence=entry.licence, source=entry.origin) for path in paths
    )


def given_weight(name: str, path: Path, sha256: str) -> Weight:
    """A file as a card names it. What a user's own place holds has the licence that the user knows of.

    Args:
        name: of the catalogue's entry that the file stands for.
        path: the file.
        sha256: of the file.
    """
    entry = catalogue()[name]
    published = path.name in entry.names and entry.licence != "own"
    licence, source = (entry.licence, entry.origin) if published else ("the user's", "named or trained by the user")
    return Weight(name=path.name, sha256=sha256, licence=licence, source=source)
