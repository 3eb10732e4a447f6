"""The rule parser: an instruction's concepts and action without any model.

English words and the order they stand in; deterministic, no dependency. Whatever it does not understand is a
global edit, which claims no region.
"""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Action, Parse
from annotators.sigma.rules_commands import COMMANDS, removal
from annotators.sigma.rules_phrases import MAX_WORDS, Words
from annotators.sigma.rules_removing import forbidden, taken, unwanted
from annotators.sigma.rules_scenes import described_scene
from annotators.sigma.rules_text import clauses
from annotators.sigma.rules_words import (
    DETERMINERS,
    EMPTYING,
    NEGATIONS,
    NOUN_VERBS,
    POSSESSIVE,
    PRONOUNS,
    REMOVING_WITH_PARTICLE,
    STATES,
)

VERSION = "2"
"""Changes whenever a parse may change; part of a cached prior's identity."""


def parse_instruction(text: str | None) -> Parse:
    """The concepts and the action of an instruction.

    Several edits of one kind are one edit of all they name; a removal followed by an addition is a replacement; of
    other mixtures the first edit that names a concept counts.

    Args:
        text: any text in any language; None and what is not understood give the global parse.

    Returns:
        A normalised parse. Never raises; the time does not grow with the text beyond its first 600 characters.
    """
    parses = [found for found in map(parse_clause, resolved(clauses(text or ""))) if found is not NOTHING]
    if not parses:
        return NOTHING
    first = parses[0]
    if first.action is Action.REMOVE:
        brought = next((found.edited for found in parses[1:] if found.action is Action.ADD), None)
        if brought is not None:
            return Parse(first.original, brought, Action.REPLACE)
    return together(parses) if all(found.action is first.action for found in parses) else first


def resolved(found: list[list[str]]) -> list[list[str]]:
    """What is only mentioned stands for the pronoun after it: "there is a fly on the lens, take it out"."""
    if len(found) < 2 or found[0][:2] not in (["there", "is"], ["there", "are"]):
        return found
    at = next((i for i, word in enumerate(found[1]) if word in ("it", "him", "her", "them")), None)
    thing = parse_clause(found[0]).edited
    if at is None or thing is None:
        return found
    return [[*found[1][:at], "the", *thing.split(), *found[1][at + 1 :]], *found[2:]]


def together(parses: list[Parse]) -> Parse:
    """Edits of one kind as one edit; the first alone where all of them name too much for one phrase."""
    first = parses[0]
    before, after = (
        " and ".join(dict.fromkeys(filter(None, side))) or None
        for side in ((found.original for found in parses), (found.edited for found in parses))
    )
    short = all(len((side or "").split()) <= MAX_WORDS for side in (before, after))
    return Parse(before, after, first.action) if short else first


class RulesParser:
    """The rules as an `InstructionParser`."""

    @property
    def identity(self) -> str:
        return f"rules {VERSION}"

    def parse(self, instruction: str | None) -> Parse:
        return parse_instruction(instruction)


def parse_clause(words: list[str]) -> Parse:
    """One edit, without its polite beginning and its verb in the base form."""
    named = unwanted(words)
    if named:
        return forbidden(named)
    verb, rest = words[0], words[1:]
    if rest and rest[-1] in ("please", "too"):
        rest = rest[:-1]
    if verb in NEGATIONS:
        return forbidden(rest)
    if verb in REMOVING_WITH_PARTICLE | EMPTYING and taken(verb, rest):
        return removal(taken(verb, rest))
    for group, meaning in COMMANDS:
        if verb in group and (verb not in NOUN_VERBS.union(STATES) or command_follows(rest)):
            return meaning(verb, rest)
    return described_scene(words)


def command_follows(rest: Words) -> bool:
    """Whether "open", "light", "clean" and the like begin a command, not a noun phrase: an object follows."""
    return bool(rest) and rest[0] in DETERMINERS | POSSESSIVE | PRONOUNS | {"up", "in", "out"}
