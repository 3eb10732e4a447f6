"""What an example is, and what every writer of a layout does with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One image of a training set with its truth.

    Attributes:
        split: "train" or "validation".
        number: within the split, from 0; all that names are made of.
        authentic: nothing is edited: `edited` is an original, and the same as `original`.
        original: encoded image before the edit, as large as `edited`; empty where the layout keeps none.
        edited: encoded image that a detector is to judge.
        mask: PNG, one channel, 8 bits: 255 = edited, 0 = not, between where masks are soft.
        counts: the hard mask as COCO's run lengths.
        shape: height and width of all three.
        instruction: the command of the edit; None for authentic ones and where there is none.
        facts: JSON values on where the example comes from; their texts are the corpus' and may say anything.
    """

    split: str
    number: int
    authentic: bool
    original: bytes
    edited: bytes
    mask: bytes
    counts: bytes
    shape: tuple[int, int]
    instruction: str | None
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The number in eight digits."""
        return f"{self.number:08d}"


class Writer(ABC):
    """Writes examples below a folder in one layout.

    Files need not be written atomically: the whole folder takes its name when it is complete.

    Args:
        root: the folder, which exists and is empty.
        suffix: of image files, ".jpg" or ".png".
        prefix: put before each path in a list of files; "" makes them relative to the root.
    """

    keeps_originals: ClassVar[bool] = True
    hard_only: ClassVar[bool] = False
    """Whether the layout has no place for soft masks."""
    usage: ClassVar[str]
    """For the dataset card: what lies where and how it is read, in Markdown."""

    def __init__(self, root: Path, suffix: str, prefix: str = "") -> None:
        self.root = root
        self.suffix = suffix
        self.prefix = prefix
        self._folders: set[Path] = set()

    @abstractmethod
    def add(self, example: Example) -> str:
        """Write an example; within a split they come in the order of their numbers.

        Returns:
            Where its image lies: a path relative to the root.
        """

    def finish(self) -> None:
        """Write what can be written only when all examples are known."""
        return

    def close(self) -> None:
        """Close open files, also where the export is broken off."""
        return

    def write(self, path: str, data: bytes) -> str:
        """Write a file at a path relative to the root, which is returned."""
        place = self.root / path
        if place.parent not in self._folders:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(place.parent)
        place.write_bytes(data)
        return path
