"""No training on what models are judged by: sources that an evaluation set shows are left out.

The evaluation sets that are known on a machine are those with a configured root. Their images are compared with a
corpus' by SHA-256 of the files and by the perceptual hash of the originals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imlbench.annotating.alignment import small_copy
from imlbench.annotating.perceptual_hash import perceptual_hash
from imlbench.datasets.base import Dataset
from imlbench.datasets.files import walk
from imlbench.errors import SampleError, UserError
from imlbench.exporting.near import as_hashes, near_any
from imlbench.images import decode_image
from imlbench.registry import names, resolve
from imlbench.sources import FileSource, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Known:
    """Images of the evaluation sets.

    Attributes:
        digests: SHA-256 of their files.
        hashes: their perceptual hashes, n uint64.
        counts: number of images by name of the set or folder.
        unreadable: number of images that could not be compared.
    """

    digests: frozenset[str]
    hashes: NDArray[np.uint64]
    counts: dict[str, int]
    unreadable: int


def look(roots: dict[str, Path], tell: Callable[[int], None]) -> Known:
    """Hash every image of the sets.

    Args:
        roots: from `imlbench.evaluation_sets.evaluation_roots`.
        tell: called with the number of images looked at.
    """
    digests: set[str] = set()
    hashes: list[str] = []
    counts = dict.fromkeys(roots, 0)
    unreadable = 0
    for name, root in roots.items():
        for source in images_of(name, root):
            try:
                data = source.read()
                digests.add(hashlib.sha256(data).hexdigest())
                counts[name] += 1
                tell(sum(counts.values()))
                hashes.append(perceptual_hash(small_copy(decode_image(data, source.name).pixels)))
            except SampleError:
                # Counted, and told on the dataset card: a broken file of a benchmark is not this command's business.
                unreadable += 1
    return Known(frozenset(digests), as_hashes(sorted(set(hashes))), counts, unreadable)


def images_of(name: str, root: Path) -> Iterator[Source]:
    """The image files below a root, and the images within the tables of a set that is stored so."""
    top = str(root.resolve())
    yield from (FileSource(top, path) for path in walk(top))
    for dataset in opened(name, root):
        for sample in dataset.samples():
            for source in (sample.original, sample.edited):
                if source is not None and not isinstance(source, FileSource):
                    yield source


def opened(name: str, root: Path) -> Iterator[Dataset]:
    """Every variant of a set that the root holds."""
    if name not in names("datasets"):
        return
    kind = resolve("datasets", name).load()
    for variant in kind.card.variants or ("",):
        try:
            dataset = kind(root, variant)
        except UserError:
            # Not every copy of a set has every variant; its loose files have been looked at.
            continue
        yield dataset


def leaking(rows: pd.DataFrame, known: Known, distance: int) -> NDArray[np.bool_]:
    """Rows whose source, or any pair made from the same source, shows an evaluation image: n bool."""
    shown = (rows["original_sha256"].isin(known.digests) | rows["edited_sha256"].isin(known.digests)).to_numpy()
    if len(rows):
        shown = shown | near_any(as_hashes(rows["phash"].tolist()), known.hashes, distance)
    sources = rows["source"].to_numpy()
    return np.isin(sources, sources[shown])
