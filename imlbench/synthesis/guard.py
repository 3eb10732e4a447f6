"""No training on the images that models are judged by: evaluation sets and their photographs are refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imlbench.datasets.files import walk
from imlbench.errors import UserError, one_line
from imlbench.registry import names, resolve
from imlbench.sources import FileSource
from imlbench.synthesis.photographs import Look, Photograph, checked_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVALUATION_SETS = ("cocoglide", "deal300k", "autosplice", "magicbrush")
EXACT_ROOTS = ("cocoglide", "autosplice")
"""Sets whose root is told by a file or folders right in it: also tried on the parent of a folder of photographs."""
MOST_DIFFERENT = 26
"""Bits of 256 by which two perceptual hashes of one picture may differ: about a tenth; strangers differ by a half."""
PEEKED = 200
EVALUATION = "evaluation-image"


def refuse_evaluation_sets(folders: Sequence[Path]) -> None:
    """Refuse folders that are the root of an evaluation set or lie in one.

    Raises:
        UserError: one does; the message names it and the set.
    """
    for folder in folders:
        root = checked_folder(folder, "--photos")
        for name, candidate in candidates(root):
            if name in names("datasets") and holds(name, candidate, root):
                message = f"--photos: {one_line(root, 200)} belongs to the evaluation set {name}"
                raise UserError(f"{message}; nothing may be trained on it, name other photographs")


def candidates(root: str) -> Iterator[tuple[str, str]]:
    """Sets to try and the folders to try them on."""
    yield from ((name, root) for name in EVALUATION_SETS)
    yield from ((name, os.path.dirname(root)) for name in EXACT_ROOTS)


def holds(name: str, candidate: str, root: str) -> bool:
    """Whether `candidate` is a root of the set and one of its first images lies below `root`."""
    try:
        dataset = resolve("datasets", name).load()(candidate)
        samples = list(islice(dataset.samples(), PEEKED))
    except UserError:
        # Not that set's layout, which is what is hoped for.
        return False
    sources = (source for sample in samples for source in (sample.original, sample.edited))
    paths = (os.path.realpath(os.path.join(s.root, s.name)) for s in sources if isinstance(s, FileSource))
    return any(path.startswith(root.rstrip(os.sep) + os.sep) for path in paths)


def excluded_images(folders: Sequence[Path]) -> list[Photograph]:
    """The images below the folders given with --exclude.

    Raises:
        UserError: a folder is missing or holds no image file: excluding nothing is a slip of the hand.
    """
    found: list[Photograph] = []
    for folder in folders:
        root = checked_folder(folder, "--exclude")
        images = [Photograph(path, root, path) for path in walk(root)]
        if not images:
            raise UserError(f"--exclude: {one_line(root, 200)}: no image file in it")
        found += images
    return found


class Exclusion:
    """The images that no photograph may show, by hash of the file and by perceptual hash.

    Args:
        looks: at the excluded images; those that cannot be read are passed over.
    """

    def __init__(self, looks: Iterable[Look]) -> None:
        known = list(looks)
        self.files = {look.sha256 for look in known if look.sha256}
        hashes = sorted({text for look in known for text in look.hash})
        self.hashes = as_bits(hashes)

    def judged(self, photograph: Photograph, look: Look) -> Look:
        """The look itself, or one that refuses the photograph."""
        if look.reason or not (look.sha256 in self.files or self.resembles(look)):
            return look
        message = f"{photograph.name}: an image of an excluded folder, or too like one"
        return Look(look.sha256, look.hash, EVALUATION, message)

    def resembles(self, look: Look) -> bool:
        """Whether one of a look's perceptual hashes is nearly one of the excluded images'."""
        if not look.hash or not len(self.hashes):
            return False
        different = np.bitwise_count(as_bits(look.hash)[:, None] ^ self.hashes[None]).sum(axis=2, dtype=np.int32)
        return bool(different.min() <= MOST_DIFFERENT)


def as_bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """n x 4 words of 64 bits."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(-1, 4)
