"""Checks of the card: complete, well formed, and true as far as behaviour can show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

import numpy as np

from imlbench.adapters import DetectorCard, Preprocessing
from imlbench.cards import AdapterCard, Weight
from imlbench.conformance.bench import AdapterKind, Bench, standard_pairs
from imlbench.conformance.comparing import require_same
from imlbench.conformance.outcomes import CheckFailedError, CheckSkippedError
from imlbench.errors import one_line

if TYPE_CHECKING:
    from imlbench.samples import ScoreMap

REQUIRED_TEXTS = ("name", "title", "version", "summary", "licence", "citation")
OTHER_INSTRUCTION = "turn the sky purple"
OTHER_CAPTION = "a dog on a beach"


def card(bench: Bench) -> str:
    """Every required fact is there and well formed."""
    faults = list(card_faults(bench.card, bench.name, bench.kind))
    if faults:
        raise CheckFailedError("; ".join(faults))
    return f"version {one_line(bench.card.version, 40)}, licence {one_line(bench.card.licence, 60)}"


def card_faults(card: AdapterCard, name: str | None, kind: AdapterKind) -> Iterator[str]:
    """What is wrong with a card, one phrase each."""
    for fact in REQUIRED_TEXTS:
        value = getattr(card, fact)
        if not isinstance(value, str) or not value.strip():
            yield f"{fact} is empty"
    if name is not None and card.name != name:
        yield f"the card says name {card.name!r}, registered is {name!r}"
    threshold: object = card.threshold
    # Written so that NaN, which is in no interval, is refused too.
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        yield f"threshold: expected a number in [0, 1], found {threshold!r}"
    if card.needs_instruction and not card.uses_instruction:
        yield "needs_instruction without uses_instruction"
    if kind == "detectors":
        yield from detector_faults(card)
    for weight in card.weights:
        yield from weight_faults(weight)


def detector_faults(card: AdapterCard) -> Iterator[str]:
    """What is wrong with a detector's card beside what every card has."""
    if not isinstance(card, DetectorCard):
        yield f"expected a DetectorCard, found {type(card).__name__}"
    elif card.preprocessing not in get_args(Preprocessing):
        yield f"preprocessing: expected one of {', '.join(get_args(Preprocessing))}, found {card.preprocessing!r}"
    if card.needs_instruction or card.uses_instruction or card.uses_caption:
        yield "a detector is given no text, so that it cannot need or use one"


def weight_faults(weight: Weight) -> Iterator[str]:
    """What is wrong with the declaration of a weight file."""
    for fact in ("name", "licence", "source"):
        if not str(getattr(weight, fact)).strip():
            yield f"weight {weight.name!r}: {fact} is empty"
    if not re.fullmatch(r"[0-9a-fA-F]{64}", str(weight.sha256)):
        yield f"weight {weight.name!r}: sha256 is not 64 hexadecimal digits"


def card_soft(bench: Bench) -> str:
    """`soft` says whether scores between the extremes occur."""
    maps = [detection.score_map for detection in bench.reference()]
    if bench.card.soft:
        if all(score_map.dtype == np.bool_ for score_map in maps):
            raise CheckFailedError("soft=True, but every map is bool, which ranks no pixels")
        return "soft scores, as declared"
    for score_map in maps:
        if not is_hard(score_map):
            raise CheckFailedError(f"soft=False, but there are other values than {extremes(score_map)}")
    return "hard decisions, as declared"


def is_hard(score_map: ScoreMap) -> bool:
    """Whether only the two ends of the scale occur."""
    if score_map.dtype == np.bool_:
        return True
    return bool(np.isin(score_map, (0, 255 if score_map.dtype == np.uint8 else 1)).all())


def extremes(score_map: ScoreMap) -> str:
    """The two ends of the scale, for messages."""
    return "0 and 255 (uint8 levels k stand for k / 255)" if score_map.dtype == np.uint8 else "0 and 1"


def card_text(bench: Bench) -> str:
    """A text that the card says is not used does not change the maps."""
    unused = {}
    if not bench.card.uses_instruction:
        unused["instruction"] = OTHER_INSTRUCTION
    if not bench.card.uses_caption:
        unused["caption"] = OTHER_CAPTION
    if not unused:
        raise CheckSkippedError("the card says that instruction and caption may both matter")
    for text, other in unused.items():
        changed = bench.detect(standard_pairs(**{text: other}))
        require_same(bench.reference(), changed, f"uses_{text}=False, but another {text} gives another map")
    return f"the maps do not depend on the {' or the '.join(unused)}"


def card_seed(bench: Bench) -> str:
    """An adapter that is not `seeded` gives the same maps under another seed."""
    if bench.card.seeded:
        raise CheckSkippedError("the card says that the maps depend on the seed")
    if not bench.takes_seed:
        raise CheckSkippedError("built by a factory that takes no seed")
    other = bench.detect(standard_pairs(), bench.build(seed=1))
    require_same(bench.reference(), other, "seeded=False, but another seed gives another map")
    return "the maps do not depend on the seed"
