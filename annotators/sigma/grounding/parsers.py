"""The parsers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from annotators.sigma.parse import InstructionParser

PARSERS = ("rules", "qwen")
QWEN = "qwen2.5-0.5b-instruct"
"""Name of its weights."""


def parser_named(name: str, device: str = "cpu") -> InstructionParser:
    """The parser of that name; "qwen" loads its model.

    Raises:
        UserError: no such parser, or its weights are missing.
    """
    if name == "rules":
        from annotators.sigma.rules import RulesParser

        return RulesParser()
    if name == "qwen":
        from annotators.sigma.qwen import QwenParser
        from imlbench.weights import locate

        return QwenParser(str(locate(QWEN)), device)
    raise UserError(f"unknown parser {one_line(name, 80)!r}: expected one of {', '.join(PARSERS)}")
