"""What is trained of DASS: all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from annotators.dass.checkpoint import save_network
from annotators.dass.config import InputPolicy
from annotators.dass.model import Dass
from annotators.dass.training.losses import segmentation_losses
from annotators.dass.training.recipe import DassRecipe
from imlbench.errors import UserError
from imlbench.training.items import Batch, PairData, Seen
from imlbench.training.plan import Key
from imlbench.training.task import Task

if TYPE_CHECKING:
    import numpy as np

TURNED = "turned"
"""Name of what an item has besides: bool scalar, whether the pair is seen upside down."""


class TurnedPairs(PairData):
    """Items as `PairData`'s, some of them marked to be turned upside down by the task.

    Args:
        pairs: with masks.
        recipe: augmentation and seed.
    """

    recipe: DassRecipe

    def more(self, key: Key, seen: Seen, generator: np.random.Generator) -> Batch:
        return {TURNED: torch.tensor(generator.random() < self.recipe.vertical_flip_probability)}


class DassTask(Task[Dass]):
    """Cross-entropy and soft Dice of the whole network.

    Args:
        network: with the weights to start from.
        recipe: weights of the losses.
        policy: how pairs are to reach the network; validation sees them so, but always stretched to a square.
        freeze_norms: whether BatchNorm keeps its statistics.
    """

    terms = ("loss", "bce", "dice")

    def __init__(self, network: Dass, recipe: DassRecipe, policy: InputPolicy, freeze_norms: bool) -> None:
        super().__init__(network, policy.side)
        self.recipe, self.policy, self.freeze_norms = recipe, policy, freeze_norms

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        original, edited, mask = (turned(batch[name], batch[TURNED]) for name in ("original", "edited", "mask"))
        return segmentation_losses(self.network(original, edited), mask, self.recipe.dice_weight)

    def probabilities(self, network: Dass, original: Tensor, edited: Tensor, ids: Sequence[str]) -> Tensor:
        """As the annotator computes them."""
        logits: Tensor = (network.flipped if self.policy.flips else network)(original, edited)
        return logits.sigmoid()

    def export(self, path: Path, network: Dass, facts: Mapping[str, Any]) -> None:
        try:
            save_network(path, network, self.policy, facts)
        except ValueError as error:
            raise UserError(f"{path}: {error}; lower learning_rate") from error

    def train(self, mode: bool = True) -> DassTask:
        super().train(mode)
        if self.freeze_norms:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def turned(planes: Tensor, which: Tensor) -> Tensor:
    """B x C x H x W, those of B that `which` names upside down."""
    return torch.where(which[:, None, None, None], planes.flip(2), planes)
