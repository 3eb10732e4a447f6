"""From a row and its pair to the files of an example."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from imlbench.errors import Reason, SampleError, UserError
from imlbench.exporting.encoding import Codec, encode_mask
from imlbench.images import decode_image, encode_png, open_image
from imlbench.loading import fit_original
from imlbench.rle import decode, encode

if TYPE_CHECKING:
    from imlbench.corpora.base import CorpusPair
    from imlbench.samples import Mask
    from imlbench.sources import Source

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 4
"""Pairs that are begun ahead of the one that is waited for, by worker."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """A pair and the row of its annotation: all columns, and `source` and `validation`."""

    pair: CorpusPair
    row: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """The files of a pair.

    Attributes:
        row: the annotation's.
        original: encoded, at the edited image's size; empty where it was not asked for.
        edited: encoded.
        mask: PNG, one channel, 8 bits.
        counts: the hard mask as COCO's run lengths.
        shape: height and width.
        resized: whether the original had another size.
    """

    row: dict[str, Any]
    original: bytes
    edited: bytes
    mask: bytes
    counts: bytes
    shape: tuple[int, int]
    resized: bool


def make(work: Work, codec: Codec, soft: bool, with_original: bool) -> Made | SampleError:
    """Decode both images, check them against the annotation, and encode them alike.

    Returns:
        The files, or why this pair has none.

    Raises:
        UserError: the corpus does not hold what was annotated.
    """
    original = checked_bytes(work.pair.original, work, "original")
    edited = checked_bytes(work.pair.edited, work, "edited")
    try:
        pixels = decode_image(edited, work.pair.edited.name).pixels
        first = decode_image(original, work.pair.original.name).pixels
        height, width = pixels.shape[:2]
        fitted, notes = fit_original(first, pixels.shape, work.pair.original.name)
        mask = read_mask(work.row, (height, width))
        return Made(
            row=work.row,
            original=codec.encode(fitted, work.pair.original.name) if with_original else b"",
            edited=codec.encode(pixels, work.pair.edited.name),
            mask=read_soft(work.row, (height, width)) if soft else encode_mask(mask),
            counts=encode(mask),
            shape=(height, width),
            resized=bool(notes),
        )
    except SampleError as error:
        return error


def checked_bytes(source: Source, work: Work, side: str) -> bytes:
    """The bytes that were annotated.

    Raises:
        UserError: they are others, or gone.
    """
    advice = "give the root that was annotated, or annotate again"
    try:
        data = source.read()
    except SampleError as error:
        raise UserError(f"{error.message}: the corpus does not hold what was annotated; {advice}") from error
    if hashlib.sha256(data).hexdigest() != work.row[f"{side}_sha256"]:
        raise UserError(f"{source.name}: not the image that was annotated; {advice}")
    return data


def read_mask(row: dict[str, Any], shape: tuple[int, int]) -> Mask:
    """The row's hard mask.

    Raises:
        SampleError: there is none, or it is for an image of another size.
    """
    if (row["height"], row["width"]) != shape or row["mask"] is None:
        found = f"{row['width']} x {row['height']}"
        raise SampleError(Reason.BAD_MAP, f"{row['id']}: mask of {found} for an image of {shape[1]} x {shape[0]}")
    return decode(row["mask"], shape)


def read_soft(row: dict[str, Any], shape: tuple[int, int]) -> bytes:
    """The row's score map as a grey PNG of 8 bits.

    Raises:
        UserError: the annotation kept none.
        SampleError: it is no image, or one of another size.
    """
    if row["soft"] is None:
        raise UserError(f"--soft: {row['id']} has no soft mask; annotate with --keep-soft, or give --hard")
    image, _ = open_image(row["soft"], f"{row['id']}: soft mask")
    if image.mode != "L" or (image.height, image.width) != shape:
        found = f"{image.mode} of {image.width} x {image.height}"
        raise SampleError(
            Reason.BAD_MAP, f"{row['id']}: soft mask is {found}, expected grey of {shape[1]} x {shape[0]}"
        )
    return encode_png(np.asarray(image))


def in_order(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`function` of each item, in the items' order, computed by threads; a few items are held at a time."""
    if workers == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        try:
            for item in items:
                waiting.append(threads.submit(function, item))
                if len(waiting) > AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
