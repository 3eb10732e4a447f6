"""Keeps evaluation sets out of training: by their layout, and by the hashes of their files.

Whoever trains on a benchmark measures nothing with it. The evaluation sets that are known on this machine are those
with a configured root; every file to be trained on, and every photograph that a synthesised pair was made from, is
compared with their images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from imlbench.datasets.files import walk
from imlbench.errors import SampleError, UserError, one_line
from imlbench.evaluation_sets import evaluation_cards, evaluation_roots
from imlbench.registry import resolve
from imlbench.sources import FileSource
from imlbench.training.pairs import Place, TrainingPair


def find_layouts(places: Iterable[Place]) -> list[str]:
    """What is wrong with places that are, or are laid out as, an evaluation set: a line each."""
    found = []
    for place in places:
        if place.dataset is not None:
            if place.dataset.card.evaluation_only:
                found.append(f"{place.root} was named as {place.name}, an evaluation set")
            continue
        for name in evaluation_cards():
            if fits(name, place.root):
                found.append(f"{place.root} has the layout of {name}, an evaluation set")
                break
    return found


def fits(name: str, root: Path) -> bool:
    """Whether a dataset accepts the folder and finds samples in it."""
    try:
        return len(resolve("datasets", name).load()(root)) > 0
    except UserError:
        return False


def find_images(pairs: Iterable[TrainingPair], roots: dict[str, Path]) -> list[str]:
    """Pairs that hold, or were made from, an image of an evaluation set, compared by SHA-256: a line each."""
    owners = evaluation_hashes(roots)
    if not owners:
        return []
    found = []
    for pair in pairs:
        for digest in (pair.source_sha256, *pair_hashes(pair)):
            if digest in owners:
                found.append(f"pair {pair.sample.id} (from {one_line(pair.source, 80)}) holds {owners[digest]}")
                break
    return found


def evaluation_hashes(roots: dict[str, Path]) -> dict[str, str]:
    """SHA-256 of every image below the roots -> a name for messages."""
    owners = {}
    for name, root in roots.items():
        top = str(root.resolve())
        for path in walk(top):
            if digest := file_hash(FileSource(top, path)):
                owners[digest] = f"{name}'s {path}"
    return owners


def pair_hashes(pair: TrainingPair) -> list[str]:
    """SHA-256 of a pair's original and edited image."""
    sources = (pair.sample.original, pair.sample.edited)
    return [file_hash(source) for source in sources if isinstance(source, FileSource)]


def file_hash(source: FileSource) -> str:
    """SHA-256 of a file, hexadecimal; empty where it cannot be read, which whoever decodes it will report."""
    try:
        return hashlib.sha256(source.read()).hexdigest()
    except SampleError:
        return ""


def guard(
    places: Sequence[Place], pairs: Sequence[TrainingPair], extra: Sequence[Path], allow: bool
) -> dict[str, object]:
    """Refuse evaluation data, or mark the run that was told to take it.

    Args:
        places: folders to train on.
        pairs: their pairs, those for validation too.
        extra: further folders of images that must not be trained on.
        allow: go on all the same.

    Returns:
        What the weights' header says: the sets compared with, and whether evaluation data was found and allowed.

    Raises:
        UserError: evaluation data was found and `allow` is False.
    """
    roots = evaluation_roots(extra)
    found = [*find_layouts(places), *find_images(pairs, roots)]
    if found and not allow:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise UserError(
            f"refused to train on evaluation data: {found[0]}{more}; take other data, or give "
            "--allow-evaluation-data, which marks the weights"
        )
    return {
        "compared_with": sorted(name for name in roots if name in evaluation_cards()),
        "kept_out": sorted(name for name in roots if name not in evaluation_cards()),
        "evaluation_data": found[:20],
    }
