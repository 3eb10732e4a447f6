"""Where in a root folder a published layout begins: some copies of an archive have an enclosing folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

from imlbench.cards import CollectionCard
from imlbench.datasets.files import printable
from imlbench.errors import UserError, one_line

DEPTH = 2
"""Enclosing folders are looked for this deep: "Archive/Archive/members" is the worst that is seen."""


def find_top(root: str, card: CollectionCard, *layouts: tuple[str, ...]) -> str:
    """The one folder that holds all members of one of the `layouts`: `root` or a folder at most `DEPTH` below.

    The shallowest wins; two at the same depth are never guessed between.

    Raises:
        UserError: none, or more than one.
    """
    level = [root]
    for _ in range(DEPTH + 1):
        found = [top for top in level if any(set(members) <= set(names(top)) for members in layouts)]
        if len(found) == 1:
            return found[0]
        if found:
            listed = ", ".join(shown(os.path.relpath(top, root)) for top in found[:3])
            raise UserError(f"{card.name}: {len(found)} copies of the set below {root}: {listed}; name one of them")
        level = [path for top in level for path in subfolders(top)]
    raise no_layout(root, card)


def no_layout(root: str, card: CollectionCard) -> UserError:
    """The error for a root that holds nothing of the set: what was expected, what is there."""
    return UserError(f"{card.name}: expected {card.layout} in {shown(root)}; found {contents(root)}")


def contents(folder: str, limit: int = 5) -> str:
    """The first names of a folder in words, for messages."""
    found = sorted(names(folder))
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(shown(name) for name in found[:limit]) + more if found else "nothing"


def names(folder: str) -> Iterator[str]:
    """Names in a folder, hidden ones and archives' litter excepted.

    Raises:
        UserError: the folder cannot be listed.
    """
    try:
        listed = os.listdir(folder)
    except OSError as error:
        raise UserError(f"{shown(folder)}: the folder cannot be listed: {error.strerror}") from error
    return (name for name in listed if not name.startswith(".") and name != "__MACOSX")


def subfolders(folder: str) -> list[str]:
    """Absolute paths of the folders in a folder, sorted; links are not followed."""
    paths = (os.path.join(folder, name) for name in sorted(names(folder)))
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def role_folder(root: str, card: CollectionCard, synonyms: tuple[str, ...]) -> str | None:
    """The name of the one folder of `root` called by one of the `synonyms`, in any case; None where there is none.

    Raises:
        UserError: two folders claim the role.
    """
    wanted = {name.lower() for name in synonyms}
    found = [name for name in sorted(names(root)) if name.lower() in wanted and os.path.isdir(os.path.join(root, name))]
    if len(found) > 1:
        raise UserError(f"{card.name}: {' and '.join(found)} in {shown(root)} mean the same; keep one of them")
    return found[0] if found else None


def shown(path: str) -> str:
    """A path for messages: on one line."""
    return one_line(printable(path), 200)
