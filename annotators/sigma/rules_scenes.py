"""What is meant without a command, for the rule parser: statements, noun phrases, moods."""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Parse
from annotators.sigma.rules_adding import addition
from annotators.sigma.rules_backgrounds import backdrop
from annotators.sigma.rules_causing import causing
from annotators.sigma.rules_changes import (
    add,
    attribute,
    become,
    is_atmospheric,
    is_global,
    is_inscription,
    is_quality,
    remove,
    turned_into,
)
from annotators.sigma.rules_clauses import inflected, split_complement, split_predicate, without_modals
from annotators.sigma.rules_predicates import instead
from annotators.sigma.rules_words import (
    COMPARATIVES,
    DEFINITE,
    DETERMINERS,
    FOREIGN,
    INDEFINITE,
    MODALS,
    NEGATIONS,
    PLACES,
    POSSESSIVE,
    PREPOSITIONS,
    PRONOUNS,
    TAKEN_AWAY,
)


def described_scene(words: list[str]) -> Parse:
    """A statement ("the car is red"), a wish ("a dog on the sofa"), a mood ("winter")."""
    if sum(word in FOREIGN for word in words) > 1 or not all(map(str.isascii, words)):
        return NOTHING
    if words[0] in MODALS and len(words) > 1 and words[1] in DETERMINERS:
        words = words[1:]
    if "instead" in words[1:] and is_inscription(words[words.index("instead", 1) + 2 :]):
        words = words[: words.index("instead", 1)]
    statement = inflected(words)
    said = is_statement(words, statement)
    if not said and is_mood(words):
        return NOTHING
    if "instead" in words:
        return instead(words)
    # "Photograph the shoes against a red wall": whatever the verb, the background is another one.
    if words[1:] and words[1] in DEFINITE | POSSESSIVE and backdrop(words[1:]) is not NOTHING:
        return backdrop(words[1:])
    possible = said or words[0] in DEFINITE | POSSESSIVE | PRONOUNS
    return causing("let", statement) if possible and split_predicate(statement) else noun_phrase(words)


def is_statement(words: list[str], statement: list[str]) -> bool:
    """Whether a form of "be" or a modal verb says something of a subject; `statement` is `words` without inflection."""
    return "be" in statement or bool({"should", "must"} & set(words)) or without_modals(words) != words


def is_mood(words: list[str]) -> bool:
    """Whether words without a verb name a weather, a time of day, a style and no place."""
    if words[0] == "in" and "style" in words:
        return True
    return is_atmospheric(words) and not any(word in PLACES for word in words[1:])


def noun_phrase(words: list[str]) -> Parse:
    """A thing named without a verb is to be there; "the man with a hat" wants the hat; "X to Y" replaces."""
    for link in ("to", "into"):
        at = words.index(link, 1) if link in words[1:-1] else 0
        if at and words[at - 1] not in ("next", "close"):
            return become(words[:at], words[at + 1 :])
    if words[0] in DEFINITE | POSSESSIVE:
        return known_thing(words)
    bare = words[1:] if words[0] in ("a", "an") else words
    if len(bare) > 1 and bare[0] in COMPARATIVES | {"less", "fewer"}:
        return attribute(bare[1:], bare[0] if bare[0] in COMPARATIVES else None)
    if words[0] in INDEFINITE or len(words) < 4 or any(word in PREPOSITIONS for word in words[1:5]):
        return addition("add", words) if words[0] not in PREPOSITIONS else add(words[1:])
    return NOTHING


def known_thing(words: list[str]) -> Parse:
    """A thing of the image without a verb: "the man with a hat", "the man without his hat", "the wall in white"."""
    for link in ("with", "without", "minus", "wearing", "holding", "in"):
        at = words.index(link, 1) if link in words[1:-1] else 0
        if at and is_global(words[:at], words[at + 1 :]):
            return NOTHING
        if at and link == "in" and is_quality(words[at + 1 :]):
            return turned_into(words[:at], words[at + 1 :])
        if at:
            return remove(words[at + 1 :]) if link in NEGATIONS else add(words[at + 1 :])
    subject, target = split_complement(words)
    described = bool(target) and (is_quality(target) or target[0] in TAKEN_AWAY)
    return turned_into(subject, target) if described else NOTHING
