"""What is trained of DDPM-CD: the change head, over a diffusion model that stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from annotators.ddpm_cd.model import DdpmCd
from annotators.ddpm_cd.noise import NoiseSource
from annotators.ddpm_cd.own_files import save_part
from annotators.ddpm_cd.training.losses import PairBatch, head_loss
from imlbench.errors import UserError
from imlbench.training.items import Batch, PairData, Seen
from imlbench.training.plan import Key
from imlbench.training.task import Task

if TYPE_CHECKING:
    import numpy as np

    from imlbench.training.pairs import TrainingPair


class NumberedPairs(PairData):
    """Items as `PairData`'s, and beside them `pair` and `epoch`, from which their noise follows: int64 scalars."""

    def more(self, key: Key, seen: Seen, generator: np.random.Generator) -> Batch:
        return {"pair": torch.tensor(key.pair), "epoch": torch.tensor(key.position // len(self))}


class HeadTask(Task[DdpmCd]):
    """Cross-entropy of the change head.

    Args:
        network: diffusion model and head.
        pairs: those that the data number.
        seed: of the pairs' noise.
        extractor: SHA-256 of the diffusion model's file, which the head's file will name.
    """

    def __init__(self, network: DdpmCd, pairs: Sequence[TrainingPair], seed: int, extractor: str) -> None:
        super().__init__(network, network.config.extractor.image_size)
        leave_out(network)
        self.ids = [pair.sample.id for pair in pairs]
        self.extractor = extractor
        self.noise = NoiseSource(network.schedule, seed, self.side)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        samples = [
            (self.ids[pair], epoch) for pair, epoch in zip(batch["pair"].tolist(), batch["epoch"].tolist(), strict=True)
        ]
        pairs = PairBatch(samples, scaled(batch["original"]), scaled(batch["edited"]), batch["mask"][:, 0] > 0.5)
        return {"loss": head_loss(self.network, pairs, self.noise)}

    def probabilities(self, network: DdpmCd, original: Tensor, edited: Tensor, ids: Sequence[str]) -> Tensor:
        """As the annotator computes them: the noise is that of a pair's first view."""
        noise = network.step_noise(self.noise, [(sample, 0) for sample in ids])
        logits: Tensor = network(scaled(original), scaled(edited), noise)
        return logits.float().softmax(dim=1)[:, 1:]

    def export(self, path: Path, network: DdpmCd, facts: Mapping[str, Any]) -> None:
        try:
            save_part(path, network.head, facts, self.extractor)
        except ValueError as error:
            raise UserError(f"{path}: {error}; lower learning_rate") from error

    def frozen(self) -> tuple[nn.Module, ...]:
        return (self.network.extractor,)


def leave_out(network: DdpmCd) -> None:
    """Weights of the head without an effect ask for no gradient.

    The published head compares the finest level without using it.
    """
    if not network.head.config.finest:
        network.head.joins[-1].requires_grad_(False)


def scaled(images: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1]."""
    return images * 2 - 1
