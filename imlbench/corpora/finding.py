"""The input files of a corpus: where they lie, and under which names they are on record."""

from __future__ import annotations

from collections.abc import Iterable

from imlbench.corpora.base import CorpusCard, Part
from imlbench.datasets.files import printable, walk
from imlbench.datasets.hub import Names, check_shard
from imlbench.datasets.layout import no_layout, role_folder
from imlbench.errors import one_line
from imlbench.sources import FileSource


def find_files(root: str, card: CorpusCard, suffix: str) -> list[str]:
    """Paths of the files below the root with that suffix, relative to it, sorted.

    Raises:
        UserError: there are none.
    """
    found = sorted(walk(root, suffixes=(suffix,)))
    if not found:
        raise no_layout(root, card)
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
    check_shard(root, path, card)
    return Part(name, rows, FileSource(root, path).signature())


def broken_part(root: str, name: str, path: str, why: str) -> Part:
    """The part of a file of which nothing can be read."""
    return Part(name, None, FileSource(root, path).signature(), one_line(why))


def pair_folders(root: str, card: CorpusCard, *roles: tuple[str, ...]) -> list[str]:
    """The folders of the root called by one of the synonyms of each role.

    Raises:
        UserError: there is none for a role, or there are two.
    """
    found = [role_folder(root, card, synonyms) for synonyms in roles]
    if None in found:
        raise no_layout(root, card)
    return [folder for folder in found if folder is not None]
