"""What an instruction asks for, told by the parser that the registered grounder "none" brings along."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from imlbench import registry
from imlbench.corpora.vocabulary import facts

if TYPE_CHECKING:
    from imlbench.explanation import Explainer, Reading

GROUNDER = "none"
PARSER = "rules"


class Meaning(NamedTuple):
    """What an instruction asks for.

    Attributes:
        action: add, remove, attribute change, replace or global; None where nothing tells.
        original: what it takes away or changes; None where it names nothing.
        edited: what it brings or leaves, likewise.
    """

    action: str | None
    original: str | None
    edited: str | None


def meaning(instruction: str | None, edit_type: str) -> Meaning:
    """The parse of an instruction; where it names no concept, the action that all edits of its type have.

    Args:
        instruction: any text, None for none.
        edit_type: word of the vocabulary.
    """
    usual = facts(edit_type).action
    found = read(instruction) if instruction else None
    if found is None:
        return Meaning(usual, None, None)
    named = found.original is not None or found.edited is not None
    return Meaning(found.action if named else usual or found.action, found.original, found.edited)


def reader_identity() -> str:
    """Changes whenever a parse may change; empty where no parser is installed."""
    found = read("")
    return "" if found is None else found.parser


def read(instruction: str) -> Reading | None:
    """What an instruction is taken to mean; None where no parser is installed."""
    reader = explainer()
    return None if reader is None else reader.read(instruction, PARSER)


@cache
def explainer() -> Explainer | None:
    """The grounder that finds nothing; None where no package registers it."""
    if GROUNDER not in registry.names("grounders"):
        return None
    found: Explainer = registry.resolve("grounders", GROUNDER).load()(device="cpu")
    return found
