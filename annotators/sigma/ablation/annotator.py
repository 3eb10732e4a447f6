"""A trained variant as an annotator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from annotators.sigma.ablation.cards import VariantCard, family, policy_of
from annotators.sigma.annotator import of_pair
from annotators.sigma.checkpoint import build_network, read_checkpoint
from annotators.sigma.grounding_choice import chosen, priors_of
from annotators.sigma.inference import Predictor
from annotators.sigma.training import launch
from imlbench.adapters import Annotator

if TYPE_CHECKING:
    from annotators.sigma.ablation.stages import Trial
    from annotators.sigma.checkpoint import Checkpoint
    from annotators.sigma.grounding.pairs import PairPriors
    from annotators.sigma.network.config import SigmaConfig
    from imlbench.samples import Pair, ScoreMap


class Grounding:
    """The priors that all variants with the grounding branch share: its models are loaded once, when needed.

    Args:
        config: of the full network.
        device: where grounder and parser run.
    """

    def __init__(self, config: SigmaConfig, device: str) -> None:
        self.config = config
        self.device = device

    @cached_property
    def priors(self) -> PairPriors | None:
        """Priors by the grounder and the parser that the environment chooses, or the usual ones.

        Raises:
            UserError: unknown names, or weights that are missing.
        """
        side = self.config.position_cells
        return priors_of(chosen(family(self.config)), self.device, (side, side), self.config.prior_epsilon)


class VariantAnnotator(Annotator):
    """A variant of SIGMA with the weights that an ablation gave it.

    Args:
        trial: the variant and its configuration.
        card: its card.
        checkpoint: its weights; read again, and compared by hash.
        grounding: priors for a variant that has the branch.
        device: where it runs.
        seed: of no meaning; nothing is drawn.

    Raises:
        UserError: the weights changed or do not fit, or the backbone's are missing.
    """

    card: VariantCard  # type: ignore[misc]

    def __init__(
        self,
        trial: Trial,
        card: VariantCard,
        checkpoint: Checkpoint,
        grounding: Grounding,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(device, seed)
        self.card = card
        read = read_checkpoint(checkpoint.path, checkpoint.sha256)
        network = build_network(read, launch.backbone(trial.stages[-1].config))
        priors = grounding.priors if network.config.grounding else None
        self.predictor = Predictor(network, policy_of(network.config), device, of_pair(priors))

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return list(self.predictor.probabilities(pairs))
