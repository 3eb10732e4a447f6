"""What the shared trainer drives: the network, its losses, and its weight files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from annotators.meta_cd.checkpoint import save_network
from annotators.meta_cd.decision import decided
from annotators.meta_cd.model import MetaCd
from annotators.meta_cd.training.losses import all_losses
from imlbench.training.task import Task

if TYPE_CHECKING:
    from imlbench.training.items import Batch


class MetaCdTask(Task[MetaCd]):
    """Meta-CD, or SAM-CD, which has no learned threshold and so no loss of it.

    Args:
        network: with the weights to start from.
        fastsam: SHA-256 of FastSAM's file, where the network has it.
    """

    terms: tuple[str, ...] = ("loss", "bce", "similarity", "binary")

    def __init__(self, network: MetaCd, fastsam: str = "") -> None:
        super().__init__(network, network.config.image_size)
        self.fastsam = fastsam
        if network.threshold is None:
            self.terms = ("loss", "bce", "similarity")

    def frozen(self) -> tuple[nn.Module, ...]:
        sam = self.network.encoders.sam
        return () if sam is None else (sam,)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return all_losses(self.network(batch["original"], batch["edited"]), batch["mask"][:, 0])

    def probabilities(self, network: MetaCd, original: Tensor, edited: Tensor, ids: Sequence[str]) -> Tensor:
        """Scores that are at least 0.5 where the network's own threshold is reached, as the annotator gives them."""
        seen = network(original, edited)
        return decided(seen.probabilities, seen.thresholds)[:, None]

    def export(self, path: Path, network: MetaCd, facts: Mapping[str, Any]) -> None:
        save_network(path, network, facts, self.fastsam)
