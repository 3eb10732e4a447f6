"""Index of the image files of a folder: names only, with a lookup that never guesses."""

from __future__ import annotations

import os
from collections.abc import Iterator

from imlbench.errors import Reason
from imlbench.sources import BrokenSource, FileSource, Source

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm")


def walk(root: str, folder: str = "") -> Iterator[str]:
    """Paths of the image files below `root`/`folder`, relative to `root`, with "/", sorted within each folder.

    Links to folders are not followed, so that a loop or a way out of the root is never walked; hidden files
    and the "__MACOSX" folders of archives are passed over.
    """
    top = os.path.join(root, folder)
    for path, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        relative = os.path.relpath(path, root).replace(os.sep, "/")
        prefix = "" if relative == "." else f"{relative}/"
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES):
                yield prefix + name


def stem(path: str) -> str:
    """File name without folders and suffix."""
    return os.path.splitext(path.rsplit("/", 1)[-1])[0]


class FileIndex:
    """Image files of a folder by stem.

    Args:
        root: the dataset's root, absolute.
        folder: below the root; all folders under it are searched. It may be missing: the index is then empty.
    """

    def __init__(self, root: str, folder: str = "") -> None:
        self.root = root
        self.folder = folder
        self.by_stem: dict[str, list[str]] = {}
        for path in walk(root, folder):
            self.by_stem.setdefault(stem(path), []).append(path)

    def __len__(self) -> int:
        return sum(len(paths) for paths in self.by_stem.values())

    def find(self, *stems: str) -> Source:
        """The one file with one of these stems.

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
