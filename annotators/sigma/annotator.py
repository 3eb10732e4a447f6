"""SIGMA and its lite variant as annotators: weights found, checked and loaded, then pairs to score maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from annotators.sigma import cards
from annotators.sigma.grounding_choice import chosen, priors_of
from annotators.sigma.network.presets import preset
from annotators.sigma.policy import POLICIES, InferencePolicy
from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard
from imlbench.errors import UserError
from imlbench.origins import Fact
from imlbench.weights import lacking
from imlbench.weights.using import lacking_files, required_file

if TYPE_CHECKING:
    from annotators.sigma.checkpoint import Checkpoint
    from annotators.sigma.grounding.pairs import PairPriors
    from annotators.sigma.inference import PriorOf
    from imlbench.backbones.encoder import Encoder
    from imlbench.samples import Pair, ScoreMap


class SigmaAnnotator(Annotator):
    """SIGMA: DINOv2-Base at 518 x 518, grounded by the instruction. Its weights have to be trained.

    Args:
        device: where network, grounder and parser run.
        seed: of no meaning; nothing is drawn.
        checkpoint: a file of `save_checkpoint`; empty = where the environment, the config file or the package has it.
        encoder: the frozen backbone; None = the published one, from this machine.
        policy: the sizes at which the network looks; None = the preset's.
        priors: the instruction's priors; None = by IMLBENCH_GROUNDER and IMLBENCH_PARSER, or what is usual.

    Raises:
        UserError: weights are missing, damaged, or another network's; the message says how to get them.
    """

    card: ClassVar[AdapterCard] = cast("AdapterCard", cards.CardAsGrounded(cards.SIGMA))
    declared: ClassVar[AdapterCard] = cards.SIGMA

    def __init__(
        self,
        device: str = "cpu",
        seed: int = 0,
        *,
        checkpoint: str | Path = "",
        encoder: Encoder | None = None,
        policy: InferencePolicy | None = None,
        priors: PairPriors | None = None,
    ) -> None:
        super().__init__(device, seed)
        name = self.declared.name
        # Looked for before torch is imported: what is missing is told at once.
        path = Path(checkpoint) if checkpoint else required_file(name)
        from annotators.sigma.checkpoint import build_network, read_checkpoint
        from annotators.sigma.inference import Predictor

        read = read_checkpoint(path)
        check_backbone(read, name)
        network = build_network(read, encoder or published_encoder(read))
        self.policy = policy or POLICIES[name]
        self.card = self._own_card(read, priors)  # type: ignore[misc]
        if priors is None and network.config.grounding:
            side = network.config.position_cells
            priors = priors_of(chosen(name), device, (side, side), network.config.prior_epsilon)
        self.predictor = Predictor(network, self.policy, device, of_pair(priors))

    @classmethod
    def missing(cls) -> str:
        name = cls.declared.name
        return lacking_files(name) or lacking(preset(name).encoder)

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return list(self.predictor.probabilities(pairs))

    @classmethod
    def facts(cls) -> list[Fact]:
        """Every default with its origin, stated by the paper or inferred."""
        return cards.all_facts(cls.declared.name)

    def _own_card(self, checkpoint: Checkpoint, priors: PairPriors | None) -> AdapterCard:
        """The card of what was loaded: this checkpoint, these priors, this policy."""
        identity = f"{priors.parser.identity} {priors.grounder.identity}" if priors else ""
        if self.policy != POLICIES[self.declared.name]:
            identity = f"{identity} {self.policy}"
        card = cards.with_grounding(self.declared, chosen(self.declared.name), identity)
        card = replace(card, threshold=self.policy.threshold)
        return cards.with_checkpoint(card, checkpoint.path, checkpoint.sha256)


class SigmaLite(SigmaAnnotator):
    """SIGMA's structure over a small convolutional backbone, with weights that come along; runs on a processor."""

    card: ClassVar[AdapterCard] = cast("AdapterCard", cards.CardAsGrounded(cards.SIGMA_LITE))
    declared: ClassVar[AdapterCard] = cards.SIGMA_LITE


def check_backbone(checkpoint: Checkpoint, name: str) -> None:
    """Refuse a checkpoint over another backbone than the preset's: it is another annotator.

    Raises:
        UserError: it is.
    """
    found, expected = checkpoint.config.encoder, preset(name).encoder
    if found != expected:
        raise UserError(f"{checkpoint.path}: {name} expects a network over {expected}, found one over {found}")


def published_encoder(checkpoint: Checkpoint) -> Encoder:
    """The checkpoint's frozen backbone with its published weights, from this machine.

    Raises:
        UserError: they are missing or damaged.
    """
    from annotators.sigma.network.model import build_encoder

    if checkpoint.config.encoder == "efficientnet-lite0":
        return build_encoder(checkpoint.config)
    from imlbench.weights import locate

    return build_encoder(checkpoint.config, locate(checkpoint.config.encoder))


def of_pair(priors: PairPriors | None) -> PriorOf | None:
    """The priors as a function of a pair; a pair without an instruction has none, and nobody is asked."""
    if priors is None:
        return None
    return lambda pair: priors.of(pair.original, pair.edited, pair.instruction) if pair.instruction else None
