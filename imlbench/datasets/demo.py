"""Demo: a small set of edited photographs that is made on the spot, without any download."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.files import walk
from imlbench.errors import Reason, UserError, one_line
from imlbench.masks import WHITE
from imlbench.samples import Sample
from imlbench.sources import FileSource

INDEX = "samples.json"
GENERATOR = "imlbench-demo"
VERSION = "1"
"""Version of the generator: changes whenever the images or the index do."""


class Demo(Dataset):
    """56 samples: 7 photographs, 4 edits each, composited and re-encoded.

    Where the root does not exist or is empty, the set is made there, which takes a few seconds. A root that holds
    anything else is never touched.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="demo",
        title="Demo",
        version=VERSION,
        summary="7 photographs, each with 4 edits, composited and re-encoded; made on the spot, without download",
        licence="each photograph under its own licence (CC0, public domain, CC BY 2.0); see README.txt of the set",
        citation="none: the set is made by imlbench",
        published={"": 56},
        mask_rule=f"white = edited ({WHITE})",
        evaluation_only=False,
        layout="a new or empty folder, or one that this dataset has made",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        # Before the root: a wrong variant must not leave a new folder behind.
        self._checked_variant(variant)
        super().__init__(root, variant)
        self._entries = read_index(Path(self.root))

    def _checked_root(self, root: Path) -> str:
        """Absolute path of the root; the set is made there if it is missing."""
        try:
            root = root.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(f"demo: {one_line(root, 200)} is no usable path: {one_line(error, 200)}") from None
        if not is_made(root):
            from imlbench.demo.generate import generate

            try:
                generate(root)
            except UserError:
                # Another process may have made the set in the meantime.
                if not is_made(root):
                    raise
        return super()._checked_root(root)

    def __len__(self) -> int:
        return len(self._entries)

    def samples(self) -> Iterator[Sample]:
        for entry in self._entries:
            yield Sample(
                id=entry["id"],
                original=FileSource(self.root, entry["original"]),
                edited=FileSource(self.root, entry["edited"]),
                mask=FileSource(self.root, entry["mask"]),
                mask_rule=WHITE,
                instruction=entry["instruction"],
                tags=entry["tags"],
            )

    def orphans(self) -> Iterator[Problem]:
        listed = {entry[role] for entry in self._entries for role in ("original", "edited", "mask")}
        for path in walk(self.root):
            if path not in listed:
                yield Problem(Reason.MISSING_PARTNER, path, f"{path}: not in {INDEX}")


def is_made(root: Path) -> bool:
    """Whether a folder holds an index; what is in it is checked when it is read.

    Raises:
        UserError: the root is no folder, cannot be read, or holds something else.
    """
    try:
        if not root.exists():
            return False
        if not root.is_dir():
            raise UserError(f"demo: not a folder: {root}; expected {Demo.card.layout}")
        if (root / INDEX).is_file():
            return True
        if any(root.iterdir()):
            raise UserError(f"demo: {root} is not empty and holds no demo set; expected {Demo.card.layout}")
    except OSError as error:
        raise UserError(f"demo: {root} cannot be read: {error.strerror}; name another folder") from None
    return False


def read_index(root: Path) -> list[dict[str, Any]]:
    """The samples' entries of the index.

    Raises:
        UserError: the index cannot be read, is none of this dataset's, or was made by another version of it.
    """
    path = root / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"demo: {path} cannot be read: {one_line(error, 200)}; name a new folder") from None
    generator = index.get("generator") if isinstance(index, dict) else None
    if not isinstance(generator, dict) or generator.get("name") != GENERATOR:
        raise UserError(f"demo: {path} is not the index of a demo set; name a new folder")
    if generator.get("version") != VERSION:
        found = one_line(generator.get("version"), 40)
        raise UserError(
            f"demo: {root} was made by version {found} of the generator, this is version {VERSION}; "
            "remove the folder to have the set made anew"
        )
    entries = index.get("samples")
    if not isinstance(entries, list) or not all(is_entry(entry) for entry in entries):
        raise UserError(f"demo: {path} is damaged; remove the folder to have the set made anew")
    return entries


def is_entry(entry: object) -> bool:
    """Whether an entry of the index has all of its fields, with the types they should have."""
    if not isinstance(entry, dict) or not isinstance(entry.get("tags"), dict):
        return False
    texts = [entry.get(key) for key in ("id", "original", "edited", "mask", "instruction")]
    return all(isinstance(text, str) for text in (*texts, *entry["tags"].values()))
