"""From pairs to files: decision, scores and overlay of each, whatever happens to the others.

Decoding, fitting, checking of maps and the threshold are the evaluation's, so that a mask written here is the one
that a run counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from imlbench.errors import Reason, SampleError, UserError
from imlbench.files import check_place, write_atomically
from imlbench.histograms import levels
from imlbench.images import encode_png
from imlbench.jobs import describe
from imlbench.loading import fit_original, read
from imlbench.overlays import overlay
from imlbench.samples import Pair
from imlbench.score_maps import HARD, checked_map, marked_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.jobs import Handle
    from imlbench.samples import Image, Sample, ScoreMap

Kind = Literal["mask", "soft", "overlay"]
Status = Literal["written", "kept", "failed"]
BATCH_PIXELS = 1 << 24
"""A batch is handed over when its edited images together have this many pixels, full or not."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A pair to annotate and the files wanted of it.

    Attributes:
        sample: original and edited image, with instruction; not decoded yet.
        targets: where each kind of output goes, ending in .png.
        roots: for each kind, the folder that its file may not leave; none for a file that the user named.
    """

    sample: Sample
    targets: Mapping[Kind, Path]
    roots: Mapping[Kind, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a pair.

    Attributes:
        id: of the sample.
        status: written; kept, since all its files were there; or failed.
        files: by kind, those that were written now.
        share: of the pixels marked, in [0, 1]; None where nothing was computed.
        reason: class of the failure, empty where there is none.
        message: one line about it.
        notes: conversions and resizings that were needed.
    """

    id: str
    status: Status
    files: Mapping[Kind, Path] = field(default_factory=dict)
    share: float | None = None
    reason: str = ""
    message: str = ""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Waiting:
    wish: Wish
    pair: Pair
    missing: dict[Kind, Path]
    notes: tuple[str, ...]


def load_pair(sample: Sample) -> tuple[Pair, tuple[str, ...]]:
    """The decoded pair, the original at the edited image's size, and notes.

    Raises:
        SampleError: a file is missing, unreadable or too large, or the aspect ratios differ.
    """
    if sample.original is None:
        raise SampleError(Reason.NO_ORIGINAL, f"{sample.id}: no original image")
    edited, original = read(sample.edited, "edited", {}), read(sample.original, "original", {})
    fitted, resized = fit_original(original.pixels, edited.pixels.shape, sample.original.name)
    notes = tuple(dict.fromkeys((*edited.notes, *original.notes, *resized)))
    return Pair(sample.id, fitted, edited.pixels, sample.instruction, sample.caption), notes


def annotate_all(
    handle: Handle, wishes: Iterable[Wish], batch_size: int = 8, overwrite: bool = False
) -> Iterator[Written]:
    """Annotate pairs and write their files; outcomes in the order of the wishes.

    Args:
        handle: the annotator; it is built first, before any image is read.
        wishes: pairs and files.
        batch_size: pairs per call of an annotator that works in batches.
        overwrite: whether files that are there already are written anew.

    Raises:
        UserError: the annotator cannot be built, or the disk cannot be written.
    """
    handle.get()
    size = max(1, batch_size) if handle.card.batched else 1
    batch: list[_Waiting | Written] = []
    for wish in wishes:
        batch.append(_prepare(handle, wish, overwrite))
        waiting = [entry for entry in batch if isinstance(entry, _Waiting)]
        if not waiting or len(waiting) >= size or _pixels(waiting) >= BATCH_PIXELS:
            yield from _finish(handle, batch)
            batch = []
    yield from _finish(handle, batch)


def _pixels(waiting: Sequence[_Waiting]) -> int:
    return sum(entry.pair.edited.shape[0] * entry.pair.edited.shape[1] for entry in waiting)


def _prepare(handle: Handle, wish: Wish, overwrite: bool) -> _Waiting | Written:
    """Decode a pair, unless there is nothing to do or it cannot be done."""
    try:
        missing = {kind: path for kind, path in wish.targets.items() if _wanted(wish, kind, path, overwrite)}
        if not missing:
            return Written(wish.sample.id, "kept")
        pair, notes = load_pair(wish.sample)
        if handle.card.needs_instruction and not pair.instruction:
            raise SampleError(Reason.NO_INSTRUCTION, f"{pair.id}: {handle.card.name} needs an instruction")
    except Exception as error:
        # Whatever a decoder or a file system throws is this pair's failure, not the others'.
        return _failed(wish, error, Reason.UNREADABLE)
    return _Waiting(wish, pair, missing, notes)


def _wanted(wish: Wish, kind: Kind, path: Path, overwrite: bool) -> bool:
    """Whether a file is to be written.

    Raises:
        SampleError: its place is a folder, or a link leads out of the output folder.
    """
    check_place(path, wish.roots.get(kind), wish.sample.id)
    return overwrite or not os.path.lexists(path)


def _finish(handle: Handle, batch: Sequence[_Waiting | Written]) -> Iterator[Written]:
    """Annotate what waits and write it; the rest is handed through in its place."""
    waiting = [entry for entry in batch if isinstance(entry, _Waiting)]
    maps = iter(_maps(handle, [entry.pair for entry in waiting]))
    for entry in batch:
        yield entry if isinstance(entry, Written) else _write(handle, entry, next(maps))


def _maps(handle: Handle, pairs: Sequence[Pair]) -> list[object]:
    """A score map or an exception per pair; a batch that fails is repeated pair by pair, to find the guilty one."""
    if not pairs:
        return []
    try:
        maps: list[object] = list(handle.get().annotate(list(pairs)))
        if len(maps) != len(pairs):
            raise SampleError(Reason.BAD_MAP, f"{handle.card.name}: {len(maps)} maps for {len(pairs)} pairs")
    except Exception as error:
        # An adapter may raise anything; it is the pair's failure.
        return [error] if len(pairs) == 1 else [found for pair in pairs for found in _maps(handle, [pair])]
    return maps


def _write(handle: Handle, entry: _Waiting, scores: object) -> Written:
    """Check a map and write what is wanted of it."""
    try:
        if isinstance(scores, Exception):
            raise scores
        checked, resized = checked_map(scores, entry.pair.edited.shape, handle.card.name)
        marked = marked_pixels(checked, handle.card.threshold)
        for kind, path in entry.missing.items():
            write_atomically(path, encode_png(_picture(kind, entry.pair.edited, checked, marked)))
    except UserError:
        raise
    except Exception as error:
        # A third party's map may be anything; the pair has failed, and the others go on.
        return _failed(entry.wish, error, Reason.ADAPTER_ERROR)
    notes = (*entry.notes, "score map resized") if resized else entry.notes
    share = float(np.count_nonzero(marked)) / marked.size
    return Written(entry.wish.sample.id, "written", entry.missing, share, notes=notes)


def _picture(kind: Kind, edited: Image, scores: ScoreMap, marked: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The output of one kind: H x W or H x W x 3, uint8."""
    if kind == "overlay":
        return overlay(edited, marked)
    if kind == "mask" or scores.dtype == HARD:
        return marked * np.uint8(255)
    # As kept maps: the histogram's bin, 255 is certain.
    return levels(scores)


def _failed(wish: Wish, error: Exception, reason: Reason) -> Written:
    if not isinstance(error, SampleError):
        error = SampleError(reason, f"{wish.sample.id}: {describe(error)}")
    return Written(wish.sample.id, "failed", reason=error.reason.value, message=error.message)
