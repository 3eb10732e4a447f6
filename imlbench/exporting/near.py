"""Near-duplicates by perceptual hash: pairs of 64-bit hashes that differ in few bits, and groups of them.

Two hashes that differ in at most d bits agree in at least one of d + 1 bands of bits, so that only hashes that share
a band are compared. A band takes its bits from all over the hash: neighbouring bits of a perceptual hash stand for
neighbouring frequencies, some of which hardly vary, and a band of those alone would sort nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Numbers = NDArray[np.int64]

BITS = 64
BLOCK = 1 << 22
"""Comparisons made at once."""
FEWEST = 8
"""A hash with fewer bits set, or fewer unset, is that of an image without detail, which resembles all such images."""


def as_hashes(texts: Sequence[str]) -> Hashes:
    """n uint64 from texts of 16 hexadecimal digits."""
    return np.frombuffer(bytes.fromhex("".join(texts)), ">u8").astype(np.uint64)


def telling(hashes: Hashes) -> NDArray[np.bool_]:
    """n bool: False for hashes of images without detail."""
    ones = np.bitwise_count(hashes)
    return (ones >= FEWEST) & (ones <= BITS - FEWEST)


def groups(hashes: Hashes, distance: int) -> Numbers:
    """For each hash the smallest index that it is linked to by steps of at most `distance` bits: n int64.

    Hashes of images without detail are linked to none.
    """
    parents = np.arange(hashes.size)
    known = np.flatnonzero(telling(hashes))
    unique, first, inverse = np.unique(hashes[known], return_index=True, return_inverse=True)
    parents[known] = known[first][inverse]
    for left, right in near_pairs(unique, distance):
        for one, other in zip(known[first[left]].tolist(), known[first[right]].tolist(), strict=True):
            join(parents, one, other)
    return flattened(parents)


def joined(*labels: Numbers) -> Numbers:
    """Groups of the rows that any of the labellings puts together: n int64, the smallest index of each group."""
    parents = np.arange(labels[0].size)
    for label in labels:
        _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
        linked = first[inverse]
        for row in np.flatnonzero(linked != np.arange(linked.size)).tolist():
            join(parents, row, int(linked[row]))
    return flattened(parents)


def join(parents: Numbers, one: int, other: int) -> None:
    """Put two rows into one group, whose root is the smaller of their roots."""
    first, second = sorted((root(parents, one), root(parents, other)))
    parents[second] = first


def root(parents: Numbers, row: int) -> int:
    """The root of a row's group; the way there is shortened for the next time."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = int(parents[row])
    return row


def flattened(parents: Numbers) -> Numbers:
    """Every row's root. Parents have smaller indices than their children, so that halving the ways ends."""
    while (parents != parents[parents]).any():
        parents = parents[parents]
    return parents


def near_any(hashes: Hashes, known: Hashes, distance: int) -> NDArray[np.bool_]:
    """n bool: which hashes lie within `distance` bits of one of the known ones."""
    found = np.zeros(hashes.size, np.bool_)
    known = np.unique(known[telling(known)])
    candidates = np.flatnonzero(telling(hashes))
    for left_keys, right_keys in zip(bands(hashes[candidates], distance), bands(known, distance), strict=True):
        for left, right in same_key(left_keys, right_keys):
            rows = candidates[left]
            for block, chosen in blocks(rows, hashes[rows], known[right]):
                found[block] |= (chosen <= distance).any(axis=1)
    return found


def near_pairs(hashes: Hashes, distance: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Indices of pairs within `distance` bits; a pair may come more than once.

    Args:
        hashes: n uint64, all different.
        distance: from 0.
    """
    for keys in bands(hashes, distance):
        for rows, _ in same_key(keys, keys):
            if rows.size > 1:
                for block, different in blocks(rows, hashes[rows], hashes[rows]):
                    left, right = np.nonzero(different <= distance)
                    one, other = block[left], rows[right]
                    yield one[one < other], other[one < other]


def bands(hashes: Hashes, distance: int) -> Iterator[Hashes]:
    """Each band of bits as a number: distance + 1 arrays of n uint64."""
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    for first in range(distance + 1):
        packed = np.packbits(bits[:, first :: distance + 1], axis=1)
        whole = np.zeros((hashes.size, 8), np.uint8)
        whole[:, : packed.shape[1]] = packed
        yield whole.view(np.uint64).reshape(-1)


def same_key(left: Hashes, right: Hashes) -> Iterator[tuple[Numbers, Numbers]]:
    """Indices into both arrays of the rows that have a key in common, key by key."""
    left_order, right_order = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
    keys, starts, counts = np.unique(left[left_order], return_index=True, return_counts=True)
    others = right[right_order]
    begins, ends = np.searchsorted(others, keys, "left"), np.searchsorted(others, keys, "right")
    for key in np.flatnonzero(ends > begins).tolist():
        yield left_order[starts[key] : starts[key] + counts[key]], right_order[begins[key] : ends[key]]


def blocks(rows: Numbers, hashes: Hashes, others: Hashes) -> Iterator[tuple[Numbers, NDArray[np.uint8]]]:
    """Rows, some at a time, with the number of bits in which each differs from each of the others."""
    step = max(1, BLOCK // others.size)
    for start in range(0, rows.size, step):
        block = slice(start, start + step)
        yield rows[block], np.bitwise_count(hashes[block, None] ^ others[None])
