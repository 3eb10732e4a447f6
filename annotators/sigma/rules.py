"""The rule parser: an instruction's concepts and action without any model.

English words and the order they stand in; deterministic, no dependency. Whatever it does not understand is a
global edit, which claims no region.
"""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Action, Parse
from annotators.sigma.rules_adding import addition
from annotators.sigma.rules_causing import causing
from annotators.sigma.rules_changes import (
    add,
    become,
    is_atmospheric,
    is_quality,
    remove,
    turned_into,
)
from annotators.sigma.rules_clauses import (
    inflected,
    split_complement,
    split_predicate,
)
from annotators.sigma.rules_commands import COMMANDS, removal
from annotators.sigma.rules_phrases import (
    Words,
)
from annotators.sigma.rules_predicates import instead, predicate
from annotators.sigma.rules_text import clauses
from annotators.sigma.rules_words import (
    ADDING,
    CAUSING,
    CHANGING,
    DEFINITE,
    DETERMINERS,
    FOREIGN,
    INDEFINITE,
    NEGATIONS,
    PLACES,
    POSSESSIVE,
    PREPOSITIONS,
    PRONOUNS,
    REMOVING,
    REMOVING_WITH_PARTICLE,
    REPLACING,
    STATES,
)

VERSION = "1"
"""Changes whenever a parse may change; part of a cached prior's identity."""


def parse_instruction(text: str | None) -> Parse:
    """The concepts and the action of an instruction.

    Of several edits the first that names a concept counts; a removal followed by an addition is a replacement.

    Args:
        text: any text in any language; None and what is not understood give the global parse.

    Returns:
        A normalised parse. Never raises; the time does not grow with the text beyond its first 600 characters.
    """
    parses = [found for found in map(parse_clause, clauses(text or "")) if found is not NOTHING]
    if not parses:
        return NOTHING
    first = parses[0]
    if first.action is Action.REMOVE:
        brought = next((found.edited for found in parses[1:] if found.action is Action.ADD), None)
        if brought is not None:
            return Parse(first.original, brought, Action.REPLACE)
    return first


class RulesParser:
    """The rules as an `InstructionParser`."""

    @property
    def identity(self) -> str:
        return f"rules {VERSION}"

    def parse(self, instruction: str | None) -> Parse:
        return parse_instruction(instruction)


def parse_clause(words: list[str]) -> Parse:
    """One edit, without its polite beginning and its verb in the base form."""
    verb, rest = words[0], words[1:]
    if rest and rest[-1] in ("please", "too"):
        rest = rest[:-1]
    if verb in NEGATIONS:
        return forbidden(rest)
    if verb in REMOVING_WITH_PARTICLE and takes_away(rest):
        return removal([word for i, word in enumerate(rest) if i or word not in ("rid", "of", "off", "out", "away")])
    for group, meaning in COMMANDS:
        if verb in group and (verb not in STATES or command_follows(rest)):
            return meaning(verb, rest)
    return described_scene(words)


def command_follows(rest: Words) -> bool:
    """Whether "open", "light", "clean" and the like begin a command, not a noun phrase: an object follows."""
    return bool(rest) and rest[0] in DETERMINERS | POSSESSIVE | PRONOUNS | {"up", "in", "out"}


def takes_away(rest: Words) -> bool:
    """Whether "take", "get", "cut" and the like mean a removal: "off", "out", "away", "rid" stands with them."""
    particles = ("rid", "off", "out", "away")
    return bool(rest) and (rest[0] in particles or rest[-1] in particles or "from" in rest)


def forbidden(rest: list[str]) -> Parse:
    """After "no", "without", "don't": what is not to be there goes; an edit that is not to be made is none."""
    rest = [word for word in rest if word not in ("any", "more", "longer")]
    if not rest or rest[0] in CHANGING | REMOVING | REPLACING | ADDING:
        return NOTHING
    if rest[0] in CAUSING:
        clause = split_predicate(inflected(rest[1:]))
        return predicate(clause[0], "not", [clause[1], *clause[2]]) if clause else NOTHING
    return remove(rest)


def described_scene(words: list[str]) -> Parse:
    """No command: a statement ("the car is red"), a wish ("a dog on the sofa"), a mood ("winter")."""
    if sum(word in FOREIGN for word in words) > 1 or not all(map(str.isascii, words)):
        return NOTHING
    if words[0] == "in" and "style" in words:
        return NOTHING
    if is_atmospheric(words) and not any(word in PLACES for word in words[1:]):
        return NOTHING
    if "instead" in words:
        return instead(words)
    statement = inflected(words)
    if statement[:2] == ["there", "be"]:
        return causing("let", statement)
    if "be" in statement or words[0] in DEFINITE | POSSESSIVE | PRONOUNS:
        clause = split_predicate(statement)
        if clause is not None:
            return causing("let", statement)
    return noun_phrase(words)


def noun_phrase(words: list[str]) -> Parse:
    """A thing named without a verb is to be there; "the man with a hat" wants the hat; "X to Y" replaces."""
    for link in ("to", "into"):
        at = words.index(link, 1) if link in words[1:-1] else 0
        if at and words[at - 1] not in ("next", "close"):
            return become(words[:at], words[at + 1 :])
    for link in ("with", "without", "wearing", "holding", "in"):
        if link in words[1:] and words[0] in DEFINITE | POSSESSIVE and words.index(link) < len(words) - 1:
            rest = words[words.index(link) + 1 :]
            return remove(rest) if link == "without" else add(rest)
    if words[0] in DEFINITE | POSSESSIVE:
        subject, target = split_complement(words)
        return turned_into(subject, target) if target and is_quality(target) else NOTHING
    if words[0] in INDEFINITE or len(words) < 4 or any(word in PREPOSITIONS for word in words[1:5]):
        return addition("add", words) if words[0] not in PREPOSITIONS else add(words[1:])
    return NOTHING
