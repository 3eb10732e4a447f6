"""The prior of a pair: parsed, grounded and fused once, then read from the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotators.sigma.grounding.cache import PriorCache, key_of
from annotators.sigma.grounding.prior import EPSILON, LATTICE, compute_prior

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from annotators.sigma.grounding.contract import Grounder
    from annotators.sigma.parse import InstructionParser
    from imlbench.samples import Image


class PairPriors:
    """Priors of pairs by one parser and one grounder on one lattice.

    Args:
        parser: reads the instructions.
        grounder: finds the concepts.
        lattice: rows and columns of the priors.
        epsilon: their floor.
        cache: where they are kept; None computes each anew.
    """

    def __init__(
        self,
        parser: InstructionParser,
        grounder: Grounder,
        lattice: tuple[int, int] = LATTICE,
        epsilon: float = EPSILON,
        cache: PriorCache | None = None,
    ) -> None:
        self.parser = parser
        self.grounder = grounder
        self.lattice = lattice
        self.epsilon = epsilon
        self.cache = cache

    def of(self, original: Image, edited: Image, instruction: str | None) -> NDArray[np.float32]:
        """The prior of a pair. One that is in the cache is neither parsed nor grounded again.

        Args:
            original: H x W x 3, uint8, RGB.
            edited: H x W x 3, uint8, RGB.
            instruction: any text; None for none.

        Returns:
            Of the lattice's shape, float32 in (0, 1].

        Raises:
            ValueError: the grounder's answer is not what its contract says.
        """
        if self.cache is None:
            return self.compute(original, edited, instruction)
        identities = self.parser.identity, self.grounder.identity
        key = key_of(original, edited, instruction, *identities, self.lattice, self.epsilon)
        prior = self.cache.read(key, self.lattice)
        if prior is None:
            prior = self.compute(original, edited, instruction)
            self.cache.write(key, prior)
        return prior

    def compute(self, original: Image, edited: Image, instruction: str | None) -> NDArray[np.float32]:
        """The prior, whatever the cache holds."""
        parse = self.parser.parse(instruction)
        return compute_prior(parse, original, edited, self.grounder, self.lattice, self.epsilon)
