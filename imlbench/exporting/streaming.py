"""The chosen rows with their images, in the annotation's order, a shard of the annotation at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd

from imlbench.annotating.rows import MAX_NAME, harmless
from imlbench.errors import UserError, one_line
from imlbench.exporting.annotation import Annotation
from imlbench.exporting.making import Work
from imlbench.exporting.shards import HEAVY, read_columns

if TYPE_CHECKING:
    from imlbench.corpora.base import Corpus, Part


def stream(annotations: Sequence[Annotation], corpora: Sequence[Corpus], rows: pd.DataFrame) -> Iterator[Work]:
    """Every chosen row's pair.

    Args:
        annotations: those that the rows come from.
        corpora: each annotation's corpus.
        rows: chosen light rows, sorted; `annotation` is an index into `annotations`.

    Raises:
        UserError: the corpus does not hold what was annotated.
    """
    parts: dict[int, dict[str, Part]] = {}
    for _, chosen in rows.groupby(["annotation", "shard"], sort=True):
        number, shard = int(chosen["annotation"].iloc[0]), int(chosen["shard"].iloc[0])
        corpus = corpora[number]
        if number not in parts:
            parts[number] = {part.name: part for part in corpus.parts()}
        table = read_columns(annotations[number].shards[shard], HEAVY)
        heavy = table.take(chosen["place"].tolist()).to_pylist()
        light = [{str(key): value for key, value in row.items()} for row in chosen.to_dict("records")]
        merged = [first | second for first, second in zip(light, heavy, strict=True)]
        yield from pairs_of(corpus, parts[number], merged)


def pairs_of(corpus: Corpus, parts: Mapping[str, Part], rows: list[dict[str, Any]]) -> Iterator[Work]:
    """The pairs of one shard, which is a stretch of one part of the corpus."""
    part = parts.get(rows[0]["part"])
    if part is None:
        shown = one_line(rows[0]["part"], 200)
        raise UserError(f"{corpus.label}: {shown} was annotated and is not below {corpus.root}; give the right --root")
    wanted = {int(row["row"]): row for row in rows}
    first, last = min(wanted), max(wanted)
    stretch = islice(corpus.pairs(part, first, last + 1), last + 1 - first)
    for number, pair in enumerate(stretch, first):
        row = wanted.pop(number, None)
        if row is None:
            continue
        if harmless(pair.id, MAX_NAME) != row["id"]:
            found = f"row {number} is {one_line(pair.id, 80)!r}, but {one_line(row['id'], 80)!r} was annotated"
            raise UserError(f"{corpus.label}: {found}; give the root that was annotated, or annotate again")
        yield Work(pair, row)
    if wanted:
        shown = f"{one_line(part.name, 200)} ends before row {min(wanted)}, which was annotated"
        raise UserError(f"{corpus.label}: {shown}; give the root that was annotated, or annotate again")
