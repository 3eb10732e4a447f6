"""What is taken out or not wanted, for the rule parser: "take X off", "I don't want X", "no X"."""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Parse
from annotators.sigma.rules_changes import (
    is_whole_image,
    remove,
)
from annotators.sigma.rules_clauses import inflected, split_predicate
from annotators.sigma.rules_predicates import predicate
from annotators.sigma.rules_words import (
    ADDING,
    CAUSING,
    CHANGING,
    COLOURING,
    DETERMINERS,
    DISLIKING,
    EMPTYING,
    INFLECTED,
    MODALS,
    NEGATIONS,
    REMOVING,
    REPLACING,
    TAKING,
    WANTING,
)


def taken(verb: str, rest: list[str]) -> list[str]:
    """What "take X off", "get rid of X", "clear Y of X" remove; nothing where the verb alone means something else."""
    if verb in EMPTYING and "of" in rest[1:-1] and rest[0] in DETERMINERS:
        return rest[rest.index("of") + 1 :]
    particles = ("out",) if verb in COLOURING else ("rid", "off", "out", "away", "from")
    if rest and rest[0] in particles:
        return rest[2:] if rest[1:2] == ["of"] else rest[1:]
    at = next((i for i, word in enumerate(rest) if word in particles), 0)
    after = rest[at + 1 :]
    if not at or "to" in after or "into" in after:
        return []
    elsewhere = rest[at] == "from" or not after or is_whole_image(after[1:])
    return rest[:at] if elsewhere or verb in TAKING else []


def unwanted(words: list[str]) -> list[str]:
    """What is not wanted: "I don't want X", "we do not need X", "I hate X"; empty where it is something else."""
    rest = words[1:] if words[0] in ("i", "we") else words
    if rest[:2] == ["do", "not"]:
        rest = rest[1:]
    if rest and rest[0] in DISLIKING:
        return rest[1:]
    if len(rest) < 3 or rest[0] not in NEGATIONS or rest[1] not in WANTING:
        return []
    named = rest[4:] if rest[2:4] in (["to", "see"], ["to", "have"]) else rest[2:]
    return ["let", *named] if {"to", "be"} & set(named) else named


def forbidden(rest: list[str]) -> Parse:
    """After "no", "without", "don't": what is not to be there goes; an edit that is not to be made is none."""
    rest = [word for word in rest if word not in ("any", "more", "longer")]
    if not rest or rest[0] in CHANGING | REMOVING | REPLACING | ADDING:
        return NOTHING
    if rest[0] in CAUSING:
        clause = split_predicate(inflected(rest[1:]))
        if clause:
            return predicate(clause[0], "not", [clause[1], *clause[2]])
        return remove(rest[1:]) if rest[0] in ("have", "get", "show", "keep") else NOTHING
    # "No cars should be on the bridge": the cars.
    stop = next((i for i, word in enumerate(rest) if i and (word in MODALS or INFLECTED.get(word) == "be")), len(rest))
    return remove(rest[:stop])
