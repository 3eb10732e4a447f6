"""Which grounder and which parser stand behind the prior of an adapter that the command line builds."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Self

from imlbench.errors import UserError, one_line
from imlbench.registry import resolve

if TYPE_CHECKING:
    from annotators.sigma.grounding.pairs import PairPriors

GROUNDER, PARSER = "IMLBENCH_GROUNDER", "IMLBENCH_PARSER"
NONE = "none"
USUAL_GROUNDER = {"sigma": "transformers", "sigma-lite": NONE, "grounded-prior": "transformers"}
"""SIGMA grounds as the paper does; the lite variant needs no model beside its own."""


class GroundingChoice(NamedTuple):
    """Names of a registered grounder and of a parser."""

    grounder: str
    parser: str

    @classmethod
    def usual(cls, name: str) -> Self:
        """What an adapter uses where nothing is asked for; the rules parse, since they need no model."""
        return cls(USUAL_GROUNDER[name], "rules")


def chosen(name: str) -> GroundingChoice:
    """The choice that the environment makes for an adapter: IMLBENCH_GROUNDER and IMLBENCH_PARSER."""
    usual = GroundingChoice.usual(name)
    choice = GroundingChoice(os.environ.get(GROUNDER) or usual.grounder, os.environ.get(PARSER) or usual.parser)
    # Where nothing is looked for, it does not matter who reads the instruction.
    return choice._replace(parser="rules") if choice.grounder == NONE else choice


def priors_of(choice: GroundingChoice, device: str, lattice: tuple[int, int], epsilon: float) -> PairPriors | None:
    """Priors by that grounder and parser, cached on disk; None for the grounder "none", whose prior is a constant.

    Raises:
        UserError: unknown names, or weights that are missing.
    """
    if choice.grounder == NONE:
        return None
    from annotators.sigma.grounding.cache import PriorCache
    from annotators.sigma.grounding.pairs import PairPriors
    from annotators.sigma.grounding.parsers import parser_named

    build: Callable[..., object] = resolve("grounders", choice.grounder).load()
    try:
        parser, grounder = parser_named(choice.parser, device), build(device=device)
    except UserError as error:
        raise UserError(f"{error}; or leave grounding out by {GROUNDER}={NONE}") from error
    if not (hasattr(grounder, "maps") and hasattr(grounder, "identity")):
        raise UserError(f"grounder {one_line(choice.grounder, 80)}: expected an object with maps and identity")
    return PairPriors(parser, grounder, lattice, epsilon, PriorCache())
