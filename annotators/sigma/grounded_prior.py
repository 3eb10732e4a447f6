"""SIGMA's prior alone: where the instruction's concepts lie, without looking at what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from annotators.sigma.cards import GROUNDING_WEIGHTS, with_grounding
from annotators.sigma.grounding.parsers import QWEN
from annotators.sigma.grounding_choice import GROUNDER, NONE, chosen, priors_of
from imlbench.adapters import Annotator, missing
from imlbench.cards import AdapterCard
from imlbench.errors import UserError
from imlbench.registry import resolve
from imlbench.weights import lacking

if TYPE_CHECKING:
    from annotators.sigma.grounding.pairs import PairPriors
    from annotators.sigma.grounding_choice import GroundingChoice
    from imlbench.samples import Pair, ScoreMap

NAME = "grounded-prior"
CARD = AdapterCard(
    name=NAME,
    title="Grounded prior",
    version="1",
    summary="SIGMA's prior alone: the instruction's concepts, found by a grounder, fused by the action; no training",
    licence="Apache-2.0",
    citation="SIGMA, arXiv 2605.27924, section 3.2.2; rebuilt from its text",
    url="https://arxiv.org/abs/2605.27924",
    needs_instruction=True,
    uses_instruction=True,
    batched=True,
    accelerated=True,
)


class CardOfThisChoice:
    """A class attribute `card` that tells which grounder and parser would be used now: another one is another run."""

    def __get__(self, instance: object, owner: type | None = None) -> AdapterCard:
        return with_grounding(CARD, chosen(NAME))


class GroundedPrior(Annotator):
    """The prior on SIGMA's 37 x 37 lattice, enlarged. Without an instruction there is none.

    Priors that `sigma` has cached are read; nothing is written.

    Args:
        device: where grounder and parser run.
        seed: of no meaning; nothing is drawn.
        priors: None = by IMLBENCH_GROUNDER and IMLBENCH_PARSER, or SIGMA's usual ones.

    Raises:
        UserError: there is no grounder, or its weights are missing; the message says how to get them.
    """

    card: ClassVar[AdapterCard] = cast("AdapterCard", CardOfThisChoice())

    def __init__(self, device: str = "cpu", seed: int = 0, *, priors: PairPriors | None = None) -> None:
        super().__init__(device, seed)
        if priors is None:
            priors = usual_priors(device)
        else:
            identity = f"{priors.parser.identity} {priors.grounder.identity}"
            self.card = with_grounding(CARD, chosen(NAME), identity)  # type: ignore[misc]
        self.priors = priors

    @classmethod
    def missing(cls) -> str:
        choice = chosen(NAME)
        return lacking_grounder(choice) or (lacking(QWEN) if choice.parser == "qwen" else "")

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        from imlbench.inference.resizing import at_native_size

        found = [self.priors.of(pair.original, pair.edited, pair.instruction) for pair in pairs]
        return [at_native_size([prior], pair.edited.shape) for prior, pair in zip(found, pairs, strict=True)]


def usual_priors(device: str) -> PairPriors:
    """Those that the environment chooses, on SIGMA's lattice.

    Raises:
        UserError: the environment chooses no grounder, an unknown one, or one whose weights are missing.
    """
    from annotators.sigma.grounding.prior import EPSILON, LATTICE
    from annotators.sigma.grounding.read_only import ReadOnlyCache

    # Said here in words of its own: SIGMA can do without a grounder, the prior alone cannot.
    if lacks := GroundedPrior.missing():
        raise UserError(lacks)
    priors = priors_of(chosen(NAME), device, LATTICE, EPSILON)
    assert priors is not None
    priors.cache = ReadOnlyCache()
    return priors


def lacking_grounder(choice: GroundingChoice) -> str:
    """What keeps the grounder from running here; empty = nothing is seen."""
    if choice.grounder == NONE:
        return no_grounder()
    if choice.grounder == "transformers":
        return next(filter(None, map(lacking, GROUNDING_WEIGHTS)), "")
    try:
        if choice.grounder == "langsam":
            from annotators.sigma.grounding.langsam_loading import LangSamFiles

            LangSamFiles.configured().check()
        return missing(resolve("grounders", choice.grounder).load())
    except UserError as error:
        return str(error)


def no_grounder() -> str:
    """What is said where nothing is to be looked for."""
    return f"{NAME}: the prior alone needs a grounder, and {GROUNDER} names {NONE}: unset it, or name another"
