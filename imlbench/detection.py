"""From images to files: score map and overlay of each, whatever happens to the others.

Decoding, checking of maps, the threshold and the image score are the evaluation's, so that what is written here is
what a run counts.
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
from imlbench.images import decode_image, encode_png
from imlbench.jobs import describe
from imlbench.loading import picture_of
from imlbench.overlays import overlay
from imlbench.score_maps import HARD, checked_map, marked_pixels
from imlbench.serving import DETECTORS, largest_score, said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.adapters import Picture
    from imlbench.jobs import Handle
    from imlbench.samples import Image, ScoreMap
    from imlbench.sources import Source

Kind = Literal["map", "overlay"]
KINDS: tuple[Kind, ...] = ("map", "overlay")
Status = Literal["written", "kept", "failed"]
BATCH_PIXELS = 1 << 24
"""A batch is handed over when its images together have this many pixels, full or not."""


@dataclass(frozen=True, slots=True)
class ImageWish:
    """An image to judge and where what is found goes.

    Attributes:
        name: of the image, for people.
        source: its file.
        root: the folder that no file may leave.
        target: path below `root` to which "-map.png" and "-overlay.png" are added.
    """

    name: str
    source: Source
    root: Path
    target: str

    def files(self) -> dict[Kind, Path]:
        """The files by kind."""
        return {kind: self.root / f"{self.target}-{kind}.png" for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Found:
    """What came of an image.

    Attributes:
        name: of the image.
        status: written; kept, since both files were there; or failed.
        files: by kind, those that were written now.
        width: of the image in pixels; None where nothing was computed.
        height: likewise.
        image_score: in [0, 1].
        own_score: whether the score is the detector's own; else it is the largest of the map.
        share: of the pixels marked, in [0, 1].
        reason: class of the failure, empty where there is none.
        message: one line about it.
        notes: conversions that were needed, and what the detector has to say of this result.
    """

    name: str
    status: Status
    files: Mapping[Kind, Path] = field(default_factory=dict)
    width: int | None = None
    height: int | None = None
    image_score: float | None = None
    own_score: bool = False
    share: float | None = None
    reason: str = ""
    message: str = ""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Waiting:
    wish: ImageWish
    picture: Picture
    notes: tuple[str, ...]


def detect_all(
    handle: Handle, wishes: Iterable[ImageWish], batch_size: int = 8, overwrite: bool = False
) -> Iterator[Found]:
    """Judge images and write their files; outcomes in the order of the wishes.

    Args:
        handle: the detector; it is built first, before any image is read.
        wishes: images and places.
        batch_size: images per call of a detector that works in batches.
        overwrite: whether an image whose files are both there is judged anew.

    Raises:
        UserError: the detector cannot be built, or the disk cannot be written.
    """
    handle.get()
    size = max(1, batch_size) if handle.card.batched else 1
    batch: list[_Waiting | Found] = []
    for wish in wishes:
        batch.append(_prepare(wish, overwrite))
        waiting = [entry for entry in batch if isinstance(entry, _Waiting)]
        if not waiting or len(waiting) >= size or _pixels(waiting) >= BATCH_PIXELS:
            yield from _finish(handle, batch)
            batch = []
    yield from _finish(handle, batch)


def _pixels(waiting: Sequence[_Waiting]) -> int:
    return sum(entry.picture.pixels.shape[0] * entry.picture.pixels.shape[1] for entry in waiting)


def _prepare(wish: ImageWish, overwrite: bool) -> _Waiting | Found:
    """Decode an image, unless there is nothing to do or it cannot be done."""
    try:
        for path in wish.files().values():
            check_place(path, wish.root, wish.name)
        if not overwrite and all(os.path.lexists(path) for path in wish.files().values()):
            return Found(wish.name, "kept")
        data = wish.source.read()
        decoded = decode_image(data, wish.source.name)
        picture = picture_of(wish.name, decoded.pixels, data)
    except Exception as error:
        # Whatever a decoder or a file system throws is this image's failure, not the others'.
        return _failed(wish, error, Reason.UNREADABLE)
    return _Waiting(wish, picture, decoded.notes)


def _finish(handle: Handle, batch: Sequence[_Waiting | Found]) -> Iterator[Found]:
    """Judge what waits and write it; the rest is handed through in its place."""
    waiting = [entry for entry in batch if isinstance(entry, _Waiting)]
    answers = iter(_answers(handle, [entry.picture for entry in waiting]))
    for entry in batch:
        yield entry if isinstance(entry, Found) else _write(handle, entry, next(answers))


def _answers(handle: Handle, pictures: Sequence[Picture]) -> list[object]:
    """An answer or an exception per picture; a batch that fails is repeated one by one, to find the guilty one."""
    if not pictures:
        return []
    try:
        answers: list[object] = list(DETECTORS.ask(handle.get(), list(pictures)))
        if len(answers) != len(pictures):
            message = f"{handle.card.name}: {len(answers)} detections for {len(pictures)} images"
            raise SampleError(Reason.BAD_MAP, message)
    except Exception as error:
        # A detector may raise anything; it is the image's failure.
        if len(pictures) == 1:
            return [error]
        return [found for picture in pictures for found in _answers(handle, [picture])]
    return answers


def _write(handle: Handle, entry: _Waiting, answer: object) -> Found:
    """Check an answer and write what is wanted of it."""
    wish, pixels = entry.wish, entry.picture.pixels
    try:
        if isinstance(answer, Exception):
            raise answer
        scores, own, notes = said(answer, handle.card.name)
        checked, resized = checked_map(scores, pixels.shape, handle.card.name)
        marked = marked_pixels(checked, handle.card.threshold)
        files = wish.files()
        for kind, path in files.items():
            write_atomically(path, encode_png(_drawn(kind, pixels, checked, marked)))
    except UserError:
        raise
    except Exception as error:
        # A third party's map may be anything; the image has failed, and the others go on.
        return _failed(wish, error, Reason.ADAPTER_ERROR)
    notes = (*entry.notes, *(("score map resized",) if resized else ()), *notes)
    return Found(
        wish.name,
        "written",
        files,
        width=pixels.shape[1],
        height=pixels.shape[0],
        image_score=largest_score(checked) if own is None else own,
        own_score=own is not None,
        share=float(np.count_nonzero(marked)) / marked.size,
        notes=notes,
    )


def _drawn(kind: Kind, pixels: Image, scores: ScoreMap, marked: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The output of one kind: H x W x 3, or H x W, 255 = certain; uint8."""
    if kind == "overlay":
        return overlay(pixels, marked)
    return marked * np.uint8(255) if scores.dtype == HARD else levels(scores)


def _failed(wish: ImageWish, error: Exception, reason: Reason) -> Found:
    if not isinstance(error, SampleError):
        error = SampleError(reason, f"{wish.name}: {describe(error)}")
    return Found(wish.name, "failed", reason=error.reason.value, message=error.message)
