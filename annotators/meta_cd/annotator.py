"""Meta-CD and SAM-CD as annotators: weights found, checked and loaded, then pairs to score maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from annotators.meta_cd import cards
from annotators.meta_cd.files import FASTSAM, lacking_anything, lacking_package
from annotators.meta_cd.header import describe
from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard
from imlbench.errors import UserError
from imlbench.weights.carding import CardOfThisMachine
from imlbench.weights.using import given_weight, hash_of, required_file

if TYPE_CHECKING:
    from imlbench.inference.input_policy import InputPolicy
    from imlbench.samples import Pair, ScoreMap


class MetaCdAnnotator(Annotator):
    """Meta-CD: compares what one or two encoders see in both images, and learns where to cut for every pixel.

    Scores are probabilities moved so that the learned threshold of each pixel lies at 0.5 (`decision.decided`): the
    card's threshold of 0.5 is the network's own decision, and the scores still rank the pixels.

    Args:
        device: where the network runs.
        seed: of no meaning; nothing is drawn.
        weights: file of `imlbench train meta-cd`; empty = where the environment, the config file or the weights folder
            has it.
        fastsam: FastSAM's file, likewise; looked for only where the weights were trained with it.
        policy: how pairs reach the network; None = by IMLBENCH_META_CD_INPUT ("resize" or "tile"), else resized.

    Raises:
        UserError: weights or the package for FastSAM are missing, damaged, or do not belong together.
    """

    card: ClassVar[AdapterCard] = cast("AdapterCard", CardOfThisMachine(cards.META_CD, cards.as_found))
    declared: ClassVar[AdapterCard] = cards.META_CD

    def __init__(
        self,
        device: str = "cpu",
        seed: int = 0,
        *,
        weights: str | Path = "",
        fastsam: str | Path = "",
        policy: InputPolicy | None = None,
    ) -> None:
        super().__init__(device, seed)
        name = self.declared.name
        self.policy = policy or cards.policy_named(name)
        # All is looked for before torch is imported: what is missing is told at once.
        path = Path(weights) if weights else required_file(name)
        described = describe(path, name)
        found, sam, sam_hash = [given_weight(name, path, hash_of(path))], None, ""
        if described.needs_fastsam:
            if lacks := lacking_package():
                raise UserError(lacks)
            sam = Path(fastsam) if fastsam else required_file(FASTSAM)
            sam_hash = hash_of(sam)
            found.append(given_weight(FASTSAM, sam, sam_hash))
        from annotators.meta_cd.checkpoint import load_network
        from annotators.meta_cd.inference import Predictor

        network = load_network(path, name, sam, sam_hash)
        self.card = cards.card_with(self.declared, self.policy, described, tuple(found))  # type: ignore[misc]
        self.predictor = Predictor(network, self.policy, device)

    @classmethod
    def missing(cls) -> str:
        return lacking_anything(cls.declared.name)

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return list(self.predictor.scores(pairs))


class SamCdAnnotator(MetaCdAnnotator):
    """SAM-CD: FastSAM's features alone, and probabilities as scores, with 0.5 as the threshold of every pixel.

    Its variable for how pairs are seen is IMLBENCH_SAM_CD_INPUT.
    """

    card: ClassVar[AdapterCard] = cast("AdapterCard", CardOfThisMachine(cards.SAM_CD, cards.as_found))
    declared: ClassVar[AdapterCard] = cards.SAM_CD
