"""The input files of a corpus: where they lie, and under which names they are on record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imlbench.corpora.base import CorpusCard, Part
from imlbench.datasets.files import printable, walk
from imlbench.datasets.hub import Names, check_shard
from imlbench.datasets.layout import no_layout, role_folder
from imlbench.errors import UserError
from imlbench.sources import FileSource


def find_files(root: str, card: CorpusCard, suffix: str) -> list[str]:
    """Paths of the files below the root with that suffix, relative to it, sorted.

    Raises:
        UserError: there are none.
    """
    found = sorted(walk(root, suffixes=(suffix,)))
    if not found:
        raise no_layout(root, _facts(card))
    return found


def named(paths: Iterable[str]) -> dict[str, str]:
    """Paths by name. The name is printed and stored; the path, which may hold any bytes, opens the file."""
    names = Names()
    return {names.unique(printable(path)): path for path in paths}


def file_part(root: str, card: CorpusCard, name: str, path: str, rows: int | None) -> Part:
    """The part of a file.

    Raises:
        UserError: it is no regular file, or leads out of the root.
    """
    check_shard(root, path, _facts(card))
    return Part(name, rows, FileSource(root, path).signature())


def pair_folders(root: str, card: CorpusCard, *roles: tuple[str, ...]) -> list[str]:
    """The folders of the root called by one of the synonyms of each role.

    Raises:
        UserError: there is none for a role, or there are two.
    """
    found = [role_folder(root, _facts(card), synonyms) for synonyms in roles]
    if None in found:
        raise no_layout(root, _facts(card))
    return [folder for folder in found if folder is not None]


def whole_parts(parts: Iterable[Part | UserError]) -> list[Part]:
    """The parts, where each of them is one.

    Raises:
        UserError: some files are of no use as a whole; the first one's, with their number.
    """
    found = list(parts)
    damaged = [part for part in found if isinstance(part, UserError)]
    if damaged:
        more = f" (and {len(damaged) - 1} more of {len(found)} files)" if len(damaged) > 1 else ""
        raise UserError(f"{damaged[0]}{more}")
    return [part for part in found if isinstance(part, Part)]


def _facts(card: CorpusCard) -> Any:
    """A corpus' card for functions made for datasets, which read nothing of it but its name and its layout."""
    return card
