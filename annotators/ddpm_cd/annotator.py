"""DDPM-CD as an annotator: weights found, checked and loaded, then pairs to score maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from annotators.ddpm_cd import cards
from annotators.ddpm_cd.files import EXTRACTOR, HEAD, INPUT_VARIABLE
from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard
from imlbench.inference.carding import full_card
from imlbench.inference.input_policy import InputPolicy, policy_of
from imlbench.weights.carding import CardOfThisMachine
from imlbench.weights.using import given_weight, hash_of, lacking_files, required_file

if TYPE_CHECKING:
    from imlbench.samples import Pair, ScoreMap


class DdpmCdAnnotator(Annotator):
    """DDPM-CD: noises both images, compares what a diffusion model's decoder sees in them.

    The noise follows from the seed and the sample's id: neither the order of samples nor their batch matters.

    Args:
        device: where the network runs.
        seed: of the noise.
        extractor: the diffusion model's file, published or of one's own; empty = where the environment, the config
            file or the weights folder has it.
        head: the change head's file, likewise.
        policy: how pairs reach the network; None = by IMLBENCH_DDPM_CD_INPUT ("resize" or "tile"), else resized.

    Raises:
        UserError: weights are missing, damaged, another network's, or do not belong together.
    """

    card: ClassVar[AdapterCard] = cast("AdapterCard", CardOfThisMachine(cards.DDPM_CD, cards.as_found))

    def __init__(
        self,
        device: str = "cpu",
        seed: int = 0,
        *,
        extractor: str | Path = "",
        head: str | Path = "",
        policy: InputPolicy | None = None,
    ) -> None:
        super().__init__(device, seed)
        self.policy = policy or policy_of(os.environ.get(INPUT_VARIABLE, ""))
        # Both are looked for before torch is imported: what is missing is told at once.
        paths = {
            EXTRACTOR: Path(extractor) if extractor else required_file(EXTRACTOR),
            HEAD: Path(head) if head else required_file(HEAD),
        }
        from annotators.ddpm_cd.checkpoint import load_network
        from annotators.ddpm_cd.inference import Predictor

        hashes = {name: hash_of(path) for name, path in paths.items()}
        network = load_network(paths[EXTRACTOR], paths[HEAD], trained_on=hashes[EXTRACTOR])
        weights = tuple(given_weight(name, path, hashes[name]) for name, path in paths.items())
        self.card = full_card(cards.DDPM_CD, self.policy, weights)  # type: ignore[misc]
        self.predictor = Predictor(network, self.policy, device, seed)

    @classmethod
    def missing(cls) -> str:
        return lacking_files(EXTRACTOR) or lacking_files(HEAD)

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return list(self.predictor.probabilities(pairs))
