"""What an instruction asks for: which concept it takes away, which one it brings, and how."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MAX_CONCEPT = 120
"""Characters of a concept; what lies beyond is cut at a word."""

_ABSENT = frozenset({"", "null", "none", "nil", "n/a", "na"})
_EDGES = " \t\"'`.,;:!?()[]{}<>"
_TRAILING_PRESENT = re.compile(r"(?:^|\s)(?:is |are )?present$")


class Action(StrEnum):
    """The five kinds of edit that SIGMA tells apart (section 3.2.2 of the paper)."""

    ADD = "add"
    REMOVE = "remove"
    ATTRIBUTE_CHANGE = "attribute change"
    REPLACE = "replace"
    GLOBAL = "global"


_ACTIONS = {action.value: action for action in Action} | {
    "attribute": Action.ATTRIBUTE_CHANGE,
    "change attribute": Action.ATTRIBUTE_CHANGE,
    "replacement": Action.REPLACE,
    "addition": Action.ADD,
    "removal": Action.REMOVE,
}


@dataclass(frozen=True, slots=True)
class Parse:
    """An instruction's meaning.

    Attributes:
        original: what the edit concerns in the original image, a short lower-case noun phrase; None where nothing.
        edited: what the edit leaves in the edited image, likewise.
        action: the kind of edit.
    """

    original: str | None
    edited: str | None
    action: Action

    @property
    def concepts(self) -> tuple[str, ...]:
        """The concepts that are present, the original's first."""
        return tuple(concept for concept in (self.original, self.edited) if concept is not None)


class InstructionParser(Protocol):
    """Anything that reads instructions: the rules, a language model."""

    @property
    def identity(self) -> str:
        """Changes whenever a parse may change; part of a cached prior's key."""
        ...

    def parse(self, instruction: str | None) -> Parse:
        """The normalised parse; the global one where nothing is understood. Never raises, whatever the text."""
        ...


NOTHING = Parse(None, None, Action.GLOBAL)
"""The parse of what is not understood, and of every edit of the image as a whole."""


def normalised(original: object, edited: object, action: object) -> Parse:
    """A consistent parse from a parser's raw answer. Never raises.

    The inferred defaults of the specification: absent concepts are None, an unknown action is global, and a
    replacement or a change of attribute with one concept missing takes the other one's rule, that is it
    becomes an addition or a removal. Hence an addition has only an edited concept, a removal only an
    original one, a replacement and a change of attribute have both, a global edit has none.
    """
    before, after, kind = normalised_concept(original), normalised_concept(edited), normalised_action(action)
    if kind in (Action.REPLACE, Action.ATTRIBUTE_CHANGE):
        if before and after:
            return Parse(before, after, kind)
        kind = Action.ADD if after else Action.REMOVE
    if kind is Action.ADD and after:
        return Parse(None, after, kind)
    if kind is Action.REMOVE and before:
        return Parse(before, None, kind)
    return NOTHING


def normalised_concept(value: object) -> str | None:
    """A concept as a lower-case phrase on one line without edge punctuation; None where absent or no text."""
    if not isinstance(value, str):
        return None
    # A model may run on: what lies far beyond the limit is not even looked at.
    read = value[: 8 * MAX_CONCEPT]
    printable = "".join(" " if unicodedata.category(character)[0] == "C" else character for character in read)
    text = " ".join(printable.lower().split()).strip(_EDGES)
    text = _TRAILING_PRESENT.sub("", text).strip(_EDGES)
    if len(text) > MAX_CONCEPT:
        text = text[:MAX_CONCEPT].rsplit(" ", 1)[0].strip(_EDGES)
    return None if text in _ABSENT or not any(map(str.isalpha, text)) else text


def normalised_action(value: object) -> Action:
    """The action of that name, whatever its case and its separators; global where there is none."""
    if not isinstance(value, str):
        return Action.GLOBAL
    words = value[:80].lower().replace("-", " ").replace("_", " ").split()
    return _ACTIONS.get(" ".join(words).strip(_EDGES), Action.GLOBAL)
