"""What all grounders share: explaining an instruction to the command line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from annotators.sigma.grounding.parsers import parser_named

if TYPE_CHECKING:
    from annotators.sigma.grounding.contract import Maps
    from annotators.sigma.parse import InstructionParser
    from imlbench.cards import Card
    from imlbench.explanation import Explanation, Grounding, Reading
    from imlbench.samples import Image


class Explaining(ABC):
    """A `Grounder` that is also an `imlbench.explanation.Explainer`.

    Attributes:
        card: name, version, licence.
        device: "cpu", "cuda", "cuda:1".
    """

    card: ClassVar[Card]
    device: str

    @property
    @abstractmethod
    def identity(self) -> str: ...

    @abstractmethod
    def maps(self, image: Image, concept: str) -> Maps: ...

    def read(self, instruction: str | None, parser: str = "rules") -> Reading:
        """See `imlbench.explanation.Explainer`."""
        from imlbench.explanation import Reading

        reader = parser_named(parser, self.device)
        parse = reader.parse(instruction)
        return Reading(action=parse.action.value, original=parse.original, edited=parse.edited, parser=reader.identity)

    def explain(self, original: Image, edited: Image, instruction: str | None, parser: str = "rules") -> Explanation:
        """See `imlbench.explanation.Explainer`."""
        return self.explain_with(parser_named(parser, self.device), original, edited, instruction)

    def explain_with(
        self, parser: InstructionParser, original: Image, edited: Image, instruction: str | None
    ) -> Explanation:
        """The explanation by a parser that is built already."""
        # Imported here, since grounders are listed by loading their classes.
        from annotators.sigma.grounding.prior import find, prior
        from imlbench.explanation import Explanation

        parse = parser.parse(instruction)
        found = find(parse, original, edited, self)
        return Explanation(
            action=parse.action.value,
            original=grounding(parse.original, found.original),
            edited=grounding(parse.edited, found.edited),
            prior=prior(parse, found),
            parser=parser.identity,
            grounder=self.identity,
        )


def grounding(concept: str | None, maps: Maps) -> Grounding:
    """One side of an explanation."""
    from annotators.sigma.grounding.prior import merged
    from imlbench.explanation import Grounding

    return Grounding(concept=concept, instances=len(maps), attention=merged(maps))
