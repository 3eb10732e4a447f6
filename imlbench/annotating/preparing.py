"""From a corpus' pair to decoded, aligned images, or to the reason why there is nothing to annotate."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.annotating.alignment import alignment, changed_share, small_copy
from imlbench.annotating.gate import GLOBAL_SHARE
from imlbench.annotating.instructions import meaning
from imlbench.annotating.perceptual_hash import perceptual_hash
from imlbench.annotating.rows import Row, begin_row
from imlbench.errors import Reason, SampleError
from imlbench.images import decode_image
from imlbench.jobs import describe
from imlbench.loading import fit_original
from imlbench.pair_kinds import PairKind, classify_small
from imlbench.samples import Pair

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan
    from imlbench.corpora.base import CorpusPair
    from imlbench.images import Decoded
    from imlbench.samples import Image
    from imlbench.sources import Source

REJECTED = (Reason.TOO_LARGE, Reason.SIZE_MISMATCH, Reason.NO_INSTRUCTION, Reason.NO_ORIGINAL)
"""Reasons that another attempt cannot mend; every other one is a failure."""
UNCHANGED_LEVEL = 1
"""Images whose channels differ by this much at most, of 255, are the same but for rounding."""


@dataclass(slots=True)
class Prepared:
    """A pair before the annotator.

    Attributes:
        row: what is known of it.
        pair: the decoded images of one size; None where the row has come to its end.
        small: small copies of original and edited, see `imlbench.annotating.alignment`.
        seconds: time spent so far.
    """

    row: Row
    pair: Pair | None = None
    small: tuple[Image, Image] | None = None
    seconds: float = 0.0


class RefusalError(Exception):
    """The pair cannot be kept, whoever annotates it.

    Args:
        reason: one word.
        message: what was found.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def prepare(plan: Plan, source: CorpusPair, part: str, number: int, needs_instruction: bool) -> Prepared:
    """Decode and check a pair. Never raises because of it.

    Args:
        plan: of the annotation.
        source: the pair.
        part: name of its input file.
        number: its row there.
        needs_instruction: whether the annotator can do nothing without a text.
    """
    started = time.perf_counter()
    prepared = Prepared(begin_row(source, part, number, plan.corpus.label))
    row = prepared.row
    if source.edit_type not in plan.options.types:
        row.end("excluded", "type", f"{row.edit_type} was not asked for")
        return prepared
    try:
        row.action, row.concept_original, row.concept_edited = meaning(row.instruction, row.edit_type)
        decode(prepared, source, needs_instruction, plan.options.gates.pair_kind == "spg")
    except RefusalError as refusal:
        row.end("rejected", refusal.reason, str(refusal))
    except SampleError as error:
        row.end("rejected" if error.reason in REJECTED else "failed", error.reason.value, error.message)
    except Exception as error:
        # Whatever a decoder, a parser or a file system throws is this pair's failure, not the others'.
        row.end("failed", Reason.UNREADABLE.value, describe(error))
    prepared.seconds = time.perf_counter() - started
    return prepared


def decode(prepared: Prepared, source: CorpusPair, needs_instruction: bool, aligned_only: bool = False) -> None:
    """Read, decode and compare the two images.

    Raises:
        SampleError: they cannot be read, or do not fit together.
        RefusalError: nothing was edited, or everything, or the two do not show the same in the same place.
    """
    row = prepared.row
    row.edited_sha256, edited = read(source.edited)
    row.height, row.width = edited.pixels.shape[:2]
    row.original_sha256, original = read(source.original)
    small = small_copy(original.pixels)
    row.phash = perceptual_hash(small)
    fitted, resized = fit_original(original.pixels, edited.pixels.shape, source.original.name)
    for note in dict.fromkeys((*edited.notes, *original.notes, *resized)):
        row.note(note)
    if needs_instruction and not row.instruction:
        raise SampleError(Reason.NO_INSTRUCTION, "the annotator needs an instruction")
    if cv2.norm(fitted, edited.pixels, cv2.NORM_INF) <= UNCHANGED_LEVEL:
        raise RefusalError("unchanged", f"no channel differs by more than {UNCHANGED_LEVEL} of 255")
    prepared.small = small_copy(fitted) if resized else small, small_copy(edited.pixels)
    if aligned_only:
        check_kind(row, *prepared.small)
    changed = changed_share(*prepared.small)
    if changed > GLOBAL_SHARE:
        # Tells an edit of the whole frame, such as its tone, from another picture.
        row.alignment = alignment(*prepared.small, np.zeros(edited.pixels.shape[:2], np.bool_))
        raise RefusalError("global", f"{changed:.4f} of the frame has changed, above {GLOBAL_SHARE:g}")
    prepared.pair = Pair(row.id, fitted, edited.pixels, row.instruction, source.caption)


def check_kind(row: Row, original: Image, edited: Image) -> None:
    """Note the kind of the pair, told from its small copies.

    Raises:
        RefusalError: it is not SPG.
    """
    found = classify_small(original, edited)
    if found.kind != PairKind.SPG:
        raise RefusalError(found.kind.value, found.told)
    row.note(found.told)


def read(source: Source) -> tuple[str, Decoded]:
    """SHA-256 of an image's bytes, hexadecimal, and the image."""
    data = source.read()
    return hashlib.sha256(data).hexdigest(), decode_image(data, source.name)
