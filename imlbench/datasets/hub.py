"""Where the Parquet shards of a set are, and what their names say. Nothing here opens one."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import NamedTuple

from imlbench.cards import CollectionCard
from imlbench.datasets.files import walk
from imlbench.errors import SampleError, UserError, one_line
from imlbench.sources import FileSource


class Wanted(NamedTuple):
    """What a dataset needs of its shards.

    Attributes:
        cheap: columns to read at once, and the Arrow types ("string", "int64") to bring them to.
        images: columns that must hold images; none of them is read.
        nullable: those of `images` whose nulls matter.
    """

    cheap: Mapping[str, str]
    images: Collection[str]
    nullable: Collection[str] = ()


def find_shards(root: str, card: CollectionCard) -> list[str]:
    """Paths of the Parquet files below the root, relative to it, sorted.

    Raises:
        UserError: one is no regular file or leads out of the root.
    """
    found = sorted(walk(root, suffixes=(".parquet",)))
    for name in found:
        check_shard(root, name, card)
    return found


def check_shard(root: str, name: str, card: CollectionCard) -> None:
    """Refuse what is not a file below the root.

    Raises:
        UserError: a link out of the root, a dead link, a pipe.
    """
    try:
        path = FileSource(root, name).path()
    except SampleError as error:
        hint = "copy the file itself, or name as root the folder above both (in a hub cache, the one above snapshots/)"
        raise UserError(f"{card.name}: {error.message}; {hint}") from error
    if not os.path.isfile(path):
        raise UserError(f"{card.name}: {one_line(name, 200)} is not a regular file; fetch it again")


def split_of(shard: str, splits: Collection[str]) -> str:
    """The split that a shard's name or one of its folders tells, such as "data/dev-00000-of-00004.parquet".

    Returns:
        One of `splits`, or "" where the path tells none.
    """
    for part in reversed(shard.split("/")):
        name = part.removesuffix(".parquet").split("-")[0]
        if name in splits:
            return name
    return ""


class Names:
    """Hands out unique ids: a name as it is, and with "#2", "#3" when it comes again, so that no row is lost.

    Attributes:
        again: the ids that were given to names that came again, and those names.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.again: dict[str, str] = {}

    def unique(self, name: str) -> str:
        """`name`, or `name` with a number where it was given before."""
        given, count = name, self._counts.get(name, 0)
        while given in self._counts:
            count += 1
            given = f"{name}#{count}"
        self._counts[name] = max(count, 1)
        if given != name:
            self._counts[given] = 1
            self.again[given] = name
        return given
