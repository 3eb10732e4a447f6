"""Shards: the stretches that a corpus is cut into, all of them or a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from imlbench.annotating.plan import Options
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


def sample(
    corpus: Corpus, parts: Sequence[Part], limit: int, size: int, seed: int
) -> list[tuple[Part, int, int | None]]:
    """Stretches from all over these parts of the corpus with `limit` rows in all, in the corpus' order.

    Corpora are sorted by edit type: their first rows would be of one type.
    """
    stretches = [stretch for part in parts for stretch in cut(part, sample_size(limit, size))]
    left, chosen = limit, {}
    for place in np.random.default_rng(seed).permutation(len(stretches)).tolist():
        part, start, stop = bounded(corpus, stretches[place], left)
        if stop > start:
            chosen[place] = (part, start, stop)
            left -= stop - start
        if not left:
            break
    return [chosen[place] for place in sorted(chosen)]


def sample_size(limit: int, size: int) -> int:
    """Rows of a shard at most, under a limit."""
    return min(size, -(-limit // SAMPLED_PLACES))


def bounded(corpus: Corpus, stretch: tuple[Part, int, int | None], left: int) -> tuple[Part, int, int]:
    """The first `left` rows of a stretch."""
    part, start, stop = stretch
    if stop is None:
        # Only reading tells how many rows there are; no more than are wanted are read.
        stop = sum(1 for _ in islice(corpus.pairs(part), left))
    return part, start, min(stop, start + left)


def listed(parts: Sequence[Part], shards: Sequence[Shard]) -> dict[str, Any]:
    """The parts that there is something to say of, and the shards by place in that list, as JSON has them."""
    used = {shard.part.name for shard in shards}
    told = [part for part in parts if part.broken or part.name in used]
    places = {part.name: place for place, part in enumerate(told)}
    return {
        "parts": [part_entry(part) for part in told],
        "shards": [[places[shard.part.name], shard.start, shard.stop] for shard in shards],
    }


def part_entry(part: Part) -> list[Any]:
    """Name, rows and signature of a part, and why it is broken where it is."""
    entry = [part.name, part.rows, part.signature]
    return [*entry, part.broken] if part.broken else entry


def make_shards(corpus: Corpus, parts: Sequence[Part], options: Options) -> tuple[Shard, ...]:
    """The parts that can be read, cut into stretches, all of them or a sample."""
    whole = [part for part in parts if not part.broken]
    if options.limit is None:
        stretches = [stretch for part in whole for stretch in cut(part, options.shard_size)]
    else:
        stretches = sample(corpus, whole, options.limit, options.shard_size, options.seed)
    return tuple(Shard(number, *stretch) for number, stretch in enumerate(stretches))
