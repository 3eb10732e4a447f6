"""DASS as an annotator: weights found, checked and loaded, then pairs to score maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from annotators.dass import cards
from annotators.dass.config import InputPolicy, facts
from annotators.dass.files import NAME, lacking_anything, policy_wanted
from annotators.dass.header import describe
from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard
from imlbench.weights.carding import CardOfThisMachine
from imlbench.weights.using import given_weight, hash_of, required_file

if TYPE_CHECKING:
    from imlbench.origins import Fact
    from imlbench.samples import Pair, ScoreMap


class DassAnnotator(Annotator):
    """DASS: segments the edit in the nine channels of original, edited and |difference|.

    Args:
        device: where the network runs.
        seed: of no meaning; nothing is drawn.
        weights: file of `imlbench train dass`; empty = where the environment, the config file or the weights folder has
            it.
        policy: how pairs reach the network; None = as the weights say, and IMLBENCH_DASS_FLIPS ("yes" or "no").

    Raises:
        UserError: the weights are missing, damaged, or another network's.
    """

    card: ClassVar[AdapterCard] = cast("AdapterCard", CardOfThisMachine(cards.DASS, cards.as_found))

    def __init__(
        self, device: str = "cpu", seed: int = 0, *, weights: str | Path = "", policy: InputPolicy | None = None
    ) -> None:
        super().__init__(device, seed)
        # Looked for before torch is imported: what is missing is told at once.
        path = Path(weights) if weights else required_file(NAME)
        described = describe(path)
        self.policy = policy or policy_wanted(described.policy)
        from annotators.dass.checkpoint import load_network
        from annotators.dass.inference import Predictor

        network, _ = load_network(path)
        file = given_weight(NAME, path, hash_of(path))
        self.card = cards.card_with(cards.DASS, described, self.policy, file)  # type: ignore[misc]
        self.predictor = Predictor(network, self.policy, device)

    @classmethod
    def missing(cls) -> str:
        return lacking_anything()

    @classmethod
    def facts(cls) -> list[Fact]:
        """Every value of the preset `dass` with its origin, stated of version 1 or inferred."""
        return facts("dass")

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return list(self.predictor.probabilities(pairs))
