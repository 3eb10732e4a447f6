"""What "let", "have", "make" do with a subject and its predicate, for the rule parser."""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Parse
from annotators.sigma.rules_adding import addition
from annotators.sigma.rules_changes import (
    add,
    attribute,
    become,
    is_atmospheric,
    is_global,
    is_quality,
    is_whole_image,
    made_of,
    remove,
    turned_into,
)
from annotators.sigma.rules_clauses import (
    inflected,
    split_complement,
    split_predicate,
)
from annotators.sigma.rules_phrases import (
    base_of,
    concept,
    is_adjective,
    is_participle,
)
from annotators.sigma.rules_predicates import doing, located, passive, predicate
from annotators.sigma.rules_words import (
    DETERMINERS,
    INDEFINITE,
    NEGATIONS,
    PREPOSITIONS,
    PRONOUNS,
    VERBS,
)


def causing(verb: str, rest: list[str]) -> Parse:
    """As in "let X Y", "have X Y", "make X Y"."""
    rest = inflected(rest, keep=True)
    if rest[:2] == ["there", "be"]:
        rest = [word for word in rest[2:] if word not in ("any", "longer")]
        if rest[:2] in (["too", "many"], ["too", "much"]):
            return remove(rest[2:])
        return remove(rest[1:]) if rest[:1] and rest[0] in NEGATIONS else addition("add", rest)
    if verb == "keep" or not rest:
        return NOTHING
    clause = split_predicate(rest)
    if clause is not None:
        subject, action, complement = clause
        if is_whole_image(subject) or (action in ("rain", "snow") and concept(subject) is None):
            return NOTHING
        if subject[-1] in NEGATIONS:
            return predicate(subject[:-1], "not", [action, *complement])
        if subject[0] in ("a", "an", "some") and action not in ("have", "wear", "hold"):
            return add(subject)
        return predicate(subject, action, complement)
    return complemented(verb, rest)


def complemented(verb: str, rest: list[str]) -> Parse:
    """Without a known verb: "make X red", "make X a Y", "make X into Y", "have X holding Y"."""
    if rest[0] in PRONOUNS and is_atmospheric(rest[1:]):
        return NOTHING
    for index in range(1, len(rest)):
        subject, target = rest[:index], rest[index + 1 :]
        if rest[index] in ("into", "like"):
            return become(subject, target)
        if is_doing(rest, index):
            return predicate(subject, base_of(rest[index]), target)
    subject, target = split_complement(rest)
    if rest[0] in INDEFINITE and (not target or not is_quality(target)):
        return add(rest)
    if not target or is_global(subject, target):
        return NOTHING
    if target[0] in PREPOSITIONS:
        return related(subject, target)
    done = passive(subject, target[0], target[1:])
    if done is not None:
        return done
    if verb in ("let", "have") and target[0] in INDEFINITE and len(subject) > 2 and subject[0] in DETERMINERS:
        return doing(subject[:-1], subject[-1], target)
    return unknown_verb(subject, target) if verb != "make" and len(target) < 2 else turned_into(subject, target)


def related(subject: list[str], target: list[str]) -> Parse:
    """As in "make X without Y", "make X out of Y", "have X in Y"."""
    if target[0] == "without":
        return remove(target[1:])
    if target[0] in ("of", "from", "out"):
        return made_of(subject, [word for word in target if word not in ("out", "of", "from")])
    return located(subject, None, target)


def is_doing(words: list[str], index: int) -> bool:
    """Whether a form in -ing begins a predicate there: "the dog watching the television"."""
    word = words[index]
    known = is_participle(word) and base_of(word) in VERBS
    return known and any(earlier not in DETERMINERS for earlier in words[:index])


def unknown_verb(subject: list[str], target: list[str]) -> Parse:
    """After "let" a last word that is no known verb: a quality where it looks like one, else something that is done."""
    return attribute(subject, target[0] if is_adjective(target[0]) else None)
