"""One training step of each stage, from a batch to its losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from annotators.sigma.network.model import Sigma
from annotators.sigma.training.export import export
from annotators.sigma.training.losses import (
    disentanglement_loss,
    pseudo_label_loss,
    supervised_loss,
    zero_edit_loss,
)
from imlbench.training.task import Task

if TYPE_CHECKING:
    from annotators.sigma.training.config import TrainingConfig
    from imlbench.training.items import Batch

TEACHER = "teacher"
"""Name under which the teacher's probabilities join a batch."""


class Stage(Task[Sigma]):
    """SIGMA and what it is trained by.

    Args:
        network: the student.
        config: the losses' weights.
    """

    terms: tuple[str, ...] = ("loss", "supervised")

    def __init__(self, network: Sigma, config: TrainingConfig) -> None:
        super().__init__(network, network.config.image_size)
        self.config = config

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.network(batch["original"], batch["edited"], batch["prior"])
        loss = self.supervised(logits, batch)
        return {"loss": loss, "supervised": loss}

    def supervised(self, logits: Tensor, batch: Batch) -> Tensor:
        """Stage I's loss."""
        return supervised_loss(logits, batch["mask"], self.config.bce_weight, self.config.dice_weight)

    def probabilities(self, network: Sigma, original: Tensor, edited: Tensor, ids: Sequence[str]) -> Tensor:
        """The prior is the constant epsilon, so that the score does not depend on a grounder."""
        logits: Tensor = network(original, edited)
        return logits.float().sigmoid()

    def export(self, path: Path, network: Sigma, facts: Mapping[str, Any]) -> None:
        export(path, network, facts)

    def frozen(self) -> tuple[nn.Module, ...]:
        return (self.network.encoder,)


class StageOne(Stage):
    """Supervised by exact masks."""


class StageTwo(Stage):
    """Stage I's loss, and three on unlabelled pairs: zero edits, the teacher's labels, edits apart from noise.

    All three pairs of a batch pass through the network at once: one encoder call.
    """

    terms = ("loss", "supervised", "zero_edit", "pseudo_label", "disentanglement")
    warm_up = False

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        originals = torch.cat([batch["original"], batch["pair_original"], batch["view_original"]])
        edited = torch.cat([batch["edited"], batch["zero_edit"], batch["view_edited"]])
        # The zero edit keeps its pair's prior: the prior alone must never decide.
        priors = torch.cat([batch["prior"], batch["pair_prior"], batch["pair_prior"]])
        output = self.network.outputs(originals, edited, priors)
        labelled, zero, viewed = output.logits.chunk(3)
        differences = [level.chunk(3) for level in output.differences]
        teacher = batch[TEACHER]
        losses = {
            "supervised": self.supervised(labelled, batch),
            "zero_edit": zero_edit_loss(zero),
            "pseudo_label": pseudo_label_loss(viewed, teacher, self.config.confidence),
            "disentanglement": disentanglement_loss(
                [level[2] for level in differences],
                [level[1] for level in differences],
                teacher,
                self.config.support_threshold,
            ),
        }
        return {"loss": self.weighted(losses), **losses}

    def teach(self, batch: Batch, average: Sigma) -> None:
        batch[TEACHER] = teach(average, batch)

    def weighted(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum that is minimised."""
        config = self.config
        return (
            config.supervised_weight * losses["supervised"]
            + config.zero_edit_weight * losses["zero_edit"]
            + config.pseudo_label_weight * losses["pseudo_label"]
            + config.disentanglement_weight * losses["disentanglement"]
        )


@torch.no_grad()
def teach(teacher: Sigma, batch: Batch) -> Tensor:
    """The teacher's probabilities on the clean view of the unlabelled pairs: B x 1 x H x W, float32."""
    logits: Tensor = teacher(batch["pair_original"], batch["pair_edited"], batch["pair_prior"])
    return logits.float().sigmoid()


def make_stage(stage: int, network: Sigma, config: TrainingConfig) -> Stage:
    """The module of Stage I or II."""
    return (StageOne if stage == 1 else StageTwo)(network, config)
