"""What adapters of each kind are given of a sample, and how they are asked: the one difference between them.

Everything else, from decoding to the stored counts, is the same for annotators and detectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from imlbench.adapters import Detection, Picture
from imlbench.errors import Reason, SampleError, one_line
from imlbench.loading import LoadedSample, load, load_alone, picture_of
from imlbench.samples import Pair

if TYPE_CHECKING:
    from imlbench.perturb import Condition
    from imlbench.samples import Sample, ScoreMap

AdapterWord = Literal["annotator", "detector"]
"""As runs are marked in the results file."""


@dataclass(frozen=True, slots=True)
class Service:
    """How adapters of one kind are served.

    Attributes:
        kind: as in the results file.
        load: decodes what they and their truth need.
        given: what they see of a decoded sample; raises SampleError where there is nothing to see.
        perturbed: the same under a condition; the very same object where the condition is clean.
        ask: what an adapter returns, unexamined.
    """

    kind: AdapterWord
    load: Callable[[Sample], LoadedSample]
    given: Callable[[LoadedSample], Any]
    perturbed: Callable[[Any, Condition, int], Any]
    ask: Callable[[Any, Sequence[Any]], list[Any]]


class Said(NamedTuple):
    """A detector's answer, taken apart.

    Attributes:
        scores: its map, not checked yet.
        image_score: the detector's own; None where it has none.
        notes: of this result.
    """

    scores: Any
    image_score: float | None
    notes: tuple[str, ...]


def perturbed(pair: Pair, condition: Condition, seed: int) -> Pair:
    """The pair under a condition; the very same object where the condition is clean."""
    if condition.perturbation is None:
        return pair
    original = condition.apply(pair.original, "original", pair.id, seed)
    edited = condition.apply(pair.edited, "edited", pair.id, seed)
    return Pair(pair.id, original, edited, pair.instruction, pair.caption)


def perturbed_picture(picture: Picture, condition: Condition, seed: int) -> Picture:
    """The picture under a condition; the very same object where the condition is clean.

    Where the perturbation ends in an encoded file and can tell it (by a method `encode` beside `apply`, with the
    image and the severity as arguments), the picture has that file; else it has none.
    """
    if condition.perturbation is None:
        return picture
    pixels = condition.apply(picture.pixels, "edited", picture.id, seed)
    encode = getattr(condition.perturbation, "encode", None)
    if encode is None:
        return Picture(picture.id, pixels)
    return picture_of(picture.id, pixels, encode(picture.pixels, condition.severity))


def said(answer: object, owner: str) -> Said:
    """A detector's answer, taken apart.

    Raises:
        SampleError: no `Detection`, or an image score outside [0, 1].
    """
    if not isinstance(answer, Detection):
        raise SampleError(Reason.BAD_MAP, f"{owner}: expected a Detection, found {type(answer).__name__}")
    score: Any = answer.image_score
    # Written so that NaN, for which every comparison is false, fails too.
    if score is not None and not (isinstance(score, Real) and 0 <= float(score) <= 1):
        raise SampleError(Reason.BAD_MAP, f"{owner}: expected an image score in [0, 1] or None, found {score!r}")
    notes = tuple(one_line(note, 200) for note in answer.notes)
    return Said(answer.score_map, None if score is None else float(score), notes)


def largest_score(scores: ScoreMap) -> float:
    """The largest score of a checked map, in [0, 1]: the image score of a detector that has none of its own."""
    largest = scores.max()
    return float(largest) / 255 if scores.dtype == np.uint8 else float(largest)


ANNOTATORS = Service(
    "annotator",
    load,
    LoadedSample.pair,
    perturbed,
    lambda adapter, pairs: adapter.annotate(pairs),
)
DETECTORS = Service(
    "detector",
    load_alone,
    LoadedSample.picture,
    perturbed_picture,
    lambda adapter, pictures: adapter.detect(pictures),
)
SERVICES: dict[str, Service] = {service.kind: service for service in (ANNOTATORS, DETECTORS)}
