"""Index of the image files of a folder: names only, with a lookup that never guesses."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from imlbench.datasets.base import Problem
from imlbench.errors import Reason, UserError, one_line
from imlbench.sources import BrokenSource, FileSource, Source

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm")


def walk(root: str, folder: str = "", suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> Iterator[str]:
    """Paths of the image files below `root`/`folder`, relative to `root`, with "/", sorted within each folder.

    Links to folders are not followed, so that a loop or a way out of the root is never walked; hidden files
    and the "__MACOSX" folders of archives are passed over.

    Raises:
        UserError: a folder cannot be listed, for want of permission say.
    """
    top = os.path.join(root, folder)
    for path, folders, files in os.walk(top, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        relative = os.path.relpath(path, root).replace(os.sep, "/")
        prefix = "" if relative == "." else f"{relative}/"
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(suffixes):
                yield prefix + name


def _refuse(error: OSError) -> None:
    """A folder that is not there has no files; one that cannot be read must not look as if it had none."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise UserError(f"{one_line(error.filename)}: the folder cannot be listed: {error.strerror}") from error


def stem(path: str) -> str:
    """File name without folders and suffix."""
    return os.path.splitext(path.rsplit("/", 1)[-1])[0]


def without_suffix(path: str) -> str:
    """Path with its folders, without the suffix."""
    return os.path.splitext(path)[0]


def below(folder: str) -> Callable[[str], str]:
    """A key for `FileIndex`: the path below `folder`, without the suffix."""
    start = len(folder) + 1 if folder else 0
    return lambda path: without_suffix(path[start:])


def printable(path: str) -> str:
    """`path` as an id: characters that cannot be printed, such as undecodable bytes, are written as escapes."""
    if path.isprintable():
        return path
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in path)


class FileIndex:
    """Image files by key: by stem, unless told otherwise.

    Args:
        root: the dataset's root, absolute.
        folder: below the root; all folders under it are searched. It may be missing: the index is then empty.
        key: what files are looked up by, from the path relative to the root.
        paths: the files, relative to the root, where they have been listed before; `folder` is then only a name.
    """

    def __init__(
        self, root: str, folder: str = "", key: Callable[[str], str] = stem, paths: Iterable[str] | None = None
    ) -> None:
        self.root = root
        self.folder = folder
        self.by_stem: dict[str, tuple[str, ...]] = {}
        for path in walk(root, folder) if paths is None else paths:
            name = key(path)
            self.by_stem[name] = (*self.by_stem.get(name, ()), path)

    def __len__(self) -> int:
        return sum(len(paths) for paths in self.by_stem.values())

    def find(self, *stems: str) -> Source:
        """The one file with one of these stems (keys).

        Returns:
            A `FileSource`, or a `BrokenSource` that says what was missing or found twice.
        """
        found = [path for name in dict.fromkeys(stems) for path in self.by_stem.get(name, ())]
        if len(found) == 1:
            return FileSource(self.root, found[0])
        where = f"{self.folder or 'the root'}"
        if not found:
            message = f"{stems[0]}: no such file in {where}"
            return BrokenSource(stems[0], Reason.MISSING_PARTNER, message)
        listed = ", ".join(found[:3])
        return BrokenSource(stems[0], Reason.DOUBLE_MATCH, f"{stems[0]}: {len(found)} matches in {where}: {listed}")

    def unused(self, used: Iterable[str], why: str) -> Iterator[Problem]:
        """Files whose key is not among `used`, as problems whose message ends in `why`."""
        keep = set(used)
        for name, paths in self.by_stem.items():
            if name not in keep:
                yield from (stray(path, why) for path in paths)


def stray(path: str, why: str) -> Problem:
    """A file that belongs to no sample."""
    return Problem(Reason.MISSING_PARTNER, printable(path), f"{one_line(path)}: {why}")
