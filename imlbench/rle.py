"""COCO's compressed run-length encoding of masks: the bytes that `pycocotools.mask.encode` calls "counts".

The mask is read column by column; runs of unedited and edited pixels take turns, beginning with an unedited one, which
may be empty. From the fourth run on, the difference to the run before the last one is stored. A number is cut into
groups of 5 bits, the lowest first, two's complement; each group is one printable byte, 48 + bits, + 32 where another
group follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.errors import Reason, SampleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Mask

OFFSET = 48
MORE = 32
LONGEST = 7
"""Bytes of one number: 35 bits, more than any image has pixels, and sums of 2**26 of them stay within 64 bits."""


def encode(mask: Mask) -> bytes:
    """The counts of an H x W bool mask, byte for byte as COCO's own encoder writes them."""
    flat = by_column(mask)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    begin = [0, 0] if flat.size and flat[0] else [0]
    runs = np.diff(np.concatenate((begin, changes, [flat.size])))
    runs[3:] -= runs[1:-2].copy()
    return as_text(runs)


def decode(counts: bytes, shape: tuple[int, int]) -> Mask:
    """The H x W bool mask of COCO's compressed counts.

    Args:
        counts: as `encode` returns them; runs of no pixels, which other writers leave, are accepted.
        shape: (height, width).

    Raises:
        SampleError: the counts are no such bytes, or their runs do not add up to the mask's pixels.
    """
    height, width = shape
    if min(shape) < 0 or len(counts) > LONGEST * (height * width + 2):
        raise broken(f"{len(counts)} bytes for {width} x {height} pixels")
    runs = numbers(counts)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    if (runs < 0).any() or (runs > height * width).any() or runs.sum() != height * width:
        raise broken(f"the runs do not add up to {width} x {height} pixels")
    flat = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return transposed(flat.reshape(width, height))


def area(counts: bytes) -> int:
    """Number of edited pixels, without decoding the mask.

    Raises:
        SampleError: the counts are no such bytes.
    """
    runs = numbers(counts)
    return int(np.cumsum(runs[1::2]).sum())


def by_column(mask: Mask) -> NDArray[np.bool_]:
    """The pixels of an H x W mask in column-major order."""
    return transposed(mask).reshape(-1)


def transposed(mask: Mask) -> Mask:
    """W x H copy; OpenCV goes by blocks, which is several times quicker than a strided copy."""
    if not mask.size:
        return mask.T.copy()
    return cv2.transpose(np.ascontiguousarray(mask).view(np.uint8)).view(np.bool_)


def as_text(values: NDArray[np.int64]) -> bytes:
    """Each number in as few groups of 5 bits as hold it with its sign."""
    # A number fits into k groups where all bits from the sign bit of the k-th on are equal.
    magnitude = values ^ (values >> 63)
    groups = np.arange(LONGEST)
    needed = 1 + (magnitude[:, None] >> (5 * groups[:-1] + 4) != 0).sum(axis=1)
    used = int(needed.max())
    bits = (values[:, None] >> (5 * groups[:used])) & 31
    bits += OFFSET + MORE * (groups[:used] < needed[:, None] - 1)
    text: bytes = bits.astype(np.uint8)[groups[:used] < needed[:, None]].tobytes()
    return text


def numbers(counts: bytes) -> NDArray[np.int64]:
    """The numbers of a text of groups of 5 bits.

    Raises:
        SampleError: it has other bytes, ends within a number, or one is too long.
    """
    # Below 48 the difference wraps around and becomes large.
    bits = np.frombuffer(counts, np.uint8) - np.uint8(OFFSET)
    if not bits.size or (bits >= 2 * MORE).any():
        raise broken("expected bytes from 48 to 111")
    last = bits < MORE
    if not last[-1]:
        raise broken("it ends within a number")
    ends = np.flatnonzero(last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > LONGEST:
        raise broken(f"a number of {lengths.max()} bytes")
    place = np.arange(bits.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((bits & 31).astype(np.int64) << (5 * place), starts)
    negative = (bits[ends] & 16) != 0
    return values - np.where(negative, np.int64(1) << (5 * lengths), 0)


def broken(what: str) -> SampleError:
    """The error for counts that are none."""
    return SampleError(Reason.UNREADABLE, f"mask: not COCO's compressed run lengths: {what}")
