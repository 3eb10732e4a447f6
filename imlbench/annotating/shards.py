"""Shards: the stretches that a corpus is cut into, all of them or a sample."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imlbench.corpora.base import Corpus, Part

SAMPLED_PLACES = 16
"""Under a limit, shards are so small that at least as many places of the corpus are looked at."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A stretch of a part: the unit of work, and one file of output.

    Attributes:
        number: from 0, in the corpus' order.
        part: the input file.
        start: first row.
        stop: row after the last one; None = to the end of a part whose length is not known.
    """

    number: int
    part: Part
    start: int
    stop: int | None

    @property
    def name(self) -> str:
        """Stem of the files of output."""
        return f"{self.number:06d}"


def cut(part: Part, size: int) -> list[tuple[Part, int, int | None]]:
    """A part's stretches of at most `size` rows; all of it where its length is not known."""
    if part.rows is None:
        return [(part, 0, None)]
    return [(part, start, min(start + size, part.rows)) for start in range(0, part.rows, size)]


def sample(corpus: Corpus, limit: int, size: int, seed: int) -> list[tuple[Part, int, int | None]]:
    """Stretches from all over the corpus with `limit` rows in all, in the corpus' order.

    Corpora are sorted by edit type: their first rows would be of one type.
    """
    size = min(size, -(-limit // SAMPLED_PLACES))
    stretches = [stretch for part in corpus.parts() for stretch in cut(part, size)]
    left, chosen = limit, {}
    for place in np.random.default_rng(seed).permutation(len(stretches)).tolist():
        part, start, stop = stretches[place]
        if stop is None:
            # Only reading tells how many rows there are; no more than are wanted are read.
            stop = sum(1 for _ in islice(corpus.pairs(part), left))
        stop = min(stop, start + left)
        if stop > start:
            chosen[place] = (part, start, stop)
            left -= stop - start
        if not left:
            break
    return [chosen[place] for place in sorted(chosen)]
