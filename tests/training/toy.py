"""A network of a few weights, its task and its recipe: the smallest thing that the room can train."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from imlbench.training.items import Batch
from imlbench.training.recipe import Recipe
from imlbench.training.task import Task

torch.set_num_threads(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyRecipe(Recipe):
    """AdamW and half a cosine."""

    shares: ClassVar[tuple[str, ...]] = (*Recipe.shares, "softness")

    steps: int = 6
    batch_size: int = 2
    learning_rate: float = 0.05
    warmup_steps: int = 0
    precision: str = "no"
    workers: int = 0
    sizes: tuple[int, ...] = (16, 24)
    validate_every: int = 3
    save_every: int = 2
    softness: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SgdRecipe(ToyRecipe):
    """SGD with momentum and a cubic fall."""

    optimiser: ClassVar[str] = "sgd"
    schedule: ClassVar[str] = "cubic"


class Toy(nn.Module):
    """A frozen convolution with a batch norm, and a trained one with a batch norm of its own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.backbone = nn.Sequential(nn.Conv2d(6, 4, 3, padding=1), nn.BatchNorm2d(4)).requires_grad_(False)
        self.head = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))

    def forward(self, original: Tensor, edited: Tensor) -> Tensor:
        """Logits, B x 1 x H x W."""
        found: Tensor = self.head(self.backbone(torch.cat((original, edited - original), dim=1)))
        return found


class ToyTask(Task[Toy]):
    """Binary cross-entropy."""

    terms = ("loss", "bce")

    def __init__(self, network: Toy, side: int = 16) -> None:
        super().__init__(network, side)
        self.asked: list[str] = []

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        loss = functional.binary_cross_entropy_with_logits(
            self.network(batch["original"], batch["edited"]), batch["mask"]
        )
        return {"loss": loss, "bce": loss}

    def probabilities(self, network: Toy, original: Tensor, edited: Tensor, ids: Sequence[str]) -> Tensor:
        assert not network.training
        assert not torch.is_grad_enabled()
        self.asked += ids
        logits: Tensor = network(original, edited)
        return logits.sigmoid()

    def export(self, path: Path, network: Toy, facts: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(network.head.state_dict(), str(path), {"facts": json.dumps(facts)})

    def frozen(self) -> tuple[nn.Module, ...]:
        return (self.network.backbone,)
