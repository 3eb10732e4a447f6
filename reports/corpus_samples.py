"""The rows that are shown, with their pictures: both images are read from the corpus again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.annotating.rows import MAX_NAME, harmless
from imlbench.errors import SampleError, UserError, one_line
from imlbench.images import decode_image
from imlbench.loading import fit_original
from imlbench.overlays import overlay
from imlbench.rle import decode
from reports.corpus_reading import Drawn, Read, whole_rows
from reports.page.thumbnails import photograph

if TYPE_CHECKING:
    from imlbench.corpora.base import Corpus, CorpusPair, Part
    from imlbench.samples import Image
    from imlbench.sources import Source

SIDE = 256
"""Longest side of a picture in pixels."""
ROLES = ("original", "edited", "mask")


@dataclass(slots=True)
class Shown:
    """A row with its pictures.

    Attributes:
        corpus: label of the corpus.
        row: columns of the annotation, see `reports.corpus_reading.SHOWN`.
        pictures: WebP by role: original, edited, mask (drawn upon the edited image).
        problems: why a picture is missing, by role.
    """

    corpus: str
    row: dict[str, Any]
    pictures: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def choose(reads: list[Read], status: str, samples: int) -> list[tuple[Read, Drawn]]:
    """The rows to show of a status: drawn at random within each reason, the reasons taking turns.

    A rare reason is seen too, although a draw from all rows would hardly ever meet it.
    """
    reasons = sorted({reason for read in reads for ended, reason in read.drawn if ended == status})
    queues = [
        sorted(
            ((read, one) for read in reads for one in read.drawn.get((status, reason), [])),
            key=lambda item: item[1].key,
        )
        for reason in reasons
    ]
    turns = [queue[turn] for turn in range(samples) for queue in queues if turn < len(queue)]
    return turns[:samples]


def show(chosen: list[tuple[Read, Drawn]], roots: dict[Path, Path | None]) -> list[Shown]:
    """The chosen rows with pictures, grouped by reason.

    Args:
        chosen: see `choose`.
        roots: the corpus' folder, by the annotation's; None = where it lay, or where the configuration says.

    Raises:
        UserError: a corpus cannot be opened, or is not the one that was annotated.
    """
    found: list[Shown] = []
    for root in dict.fromkeys(read.root for read, _ in chosen):
        mine = [(read, drawn) for read, drawn in chosen if read.root == root]
        corpus = opened(mine[0][0], roots.get(root))
        parts = {part.name: part for part in corpus.parts()}
        rows = whole_rows([drawn for _, drawn in mine])
        found += [draw_row(corpus, parts, row) for row in rows]
    return sorted(found, key=lambda one: str(one.row["reason"]))


def opened(read: Read, root: Path | None) -> Corpus:
    """The corpus that was annotated.

    Raises:
        UserError: it is not at hand.
    """
    from imlbench.corpora.opening import open_corpus

    lay = read.plan.get("root")
    place = root or (Path(lay) if isinstance(lay, str) and Path(lay).is_dir() else None)
    try:
        return open_corpus(str(read.plan["corpus"]), place)
    except UserError as error:
        raise UserError(f"{one_line(error)}; give --root DIR, or --samples 0 for a page without pictures") from error


def draw_row(corpus: Corpus, parts: dict[str, Part], row: dict[str, Any]) -> Shown:
    """A row with the pictures that can be had.

    Raises:
        UserError: the corpus has no such pair.
    """
    shown = Shown(corpus.label, row)
    pair = find_pair(corpus, parts, row)
    images = dict(read_both(pair, shown))
    edited, original = images.get("edited"), images.get("original")
    if original is not None:
        shown.pictures["original"] = photograph(beside(original, edited), SIDE)
    if edited is None:
        shown.problems["mask"] = "no edited image to draw it upon"
        return shown
    shown.pictures["edited"] = photograph(edited, SIDE)
    if row["mask"] is None:
        shown.problems["mask"] = "not annotated"
        return shown
    try:
        marked = decode(row["mask"], (edited.shape[0], edited.shape[1]))
        shown.pictures["mask"] = photograph(overlay(edited, marked.astype("uint8")), SIDE)
    except SampleError as error:
        shown.problems["mask"] = one_line(error)
    return shown


def find_pair(corpus: Corpus, parts: dict[str, Part], row: dict[str, Any]) -> CorpusPair:
    """The pair of a row.

    Raises:
        UserError: the corpus has no such pair.
    """
    part = parts.get(row["part"])
    pair = None if part is None else next(corpus.pairs(part, row["row"], row["row"] + 1), None)
    if pair is None or harmless(pair.id, MAX_NAME) != row["id"]:
        shown = one_line(row["id"], 80)
        raise UserError(f"{corpus.label}: no pair {shown!r} below {corpus.root}; give the --root that was annotated")
    return pair


def read_both(pair: CorpusPair, shown: Shown) -> Iterator[tuple[str, Image]]:
    """The images that can be read; why one cannot is noted."""
    sources: dict[str, Source] = {"original": pair.original, "edited": pair.edited}
    for role, source in sources.items():
        try:
            data = source.read()
            digest = shown.row[f"{role}_sha256"]
            if digest is not None and hashlib.sha256(data).hexdigest() != digest:
                shown.problems[role] = "not the image that was annotated"
                continue
            yield role, decode_image(data, source.name).pixels
        except SampleError as error:
            shown.problems[role] = one_line(error)


def beside(original: Image, edited: Image | None) -> Image:
    """The original at the edited image's size, as the annotator saw it; as it is where the two do not fit."""
    if edited is None:
        return original
    try:
        return fit_original(original, edited.shape, "original")[0]
    except SampleError:
        return original
