"""A detector that learns in no time, and a finished study of two annotators with made-up results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from imlbench.adapters import Detection, Detector, DetectorCard, Picture
from imlbench.cards import Weight
from imlbench.training.finetuners import Begun, Finetuner
from imlbench.training.items import Batch
from imlbench.training.losses import binary_cross_entropy
from imlbench.training.single_recipe import ImageRecipe
from imlbench.training.single_task import ImageTask
from imlbench.weights.checking import digest


class RedDetector(Detector):
    """Marks what one convolution of one pixel says."""

    card: ClassVar[DetectorCard] = DetectorCard(
        name="red", title="Red", version="1", summary="one pixel", licence="Apache-2.0", citation="none", batched=True
    )

    def __init__(self, device: str = "cpu", seed: int = 0, *, weights: Path) -> None:
        super().__init__(device, seed)
        self.weight = load_file(weights)
        file = Weight(name=weights.name, sha256=digest(weights), licence="own", source="here")
        self.card = DetectorCard(  # type: ignore[misc]
            **{name: getattr(type(self).card, name) for name in DetectorCard.__dataclass_fields__ if name != "weights"},
            weights=(file,),
        )

    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        weight, bias = self.weight["weight"].numpy()[0, :, 0, 0], self.weight["bias"].numpy()
        found = [picture.pixels.astype(np.float32) / 255 @ weight + bias for picture in pictures]
        return [Detection((1 / (1 + np.exp(-logits))).astype(np.float32)) for logits in found]


class RedTask(ImageTask[nn.Conv2d]):
    """Cross-entropy."""

    def __init__(self, network: nn.Conv2d) -> None:
        super().__init__(network, 0)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": binary_cross_entropy(self.network(batch["image"]), batch["mask"], batch["valid"])}

    def scores(self, network: nn.Conv2d, images: Tensor) -> Tensor:
        found: Tensor = network(images).sigmoid()
        return found

    def export(self, path: Path, network: nn.Conv2d, facts: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().clone() for name, value in network.state_dict().items()}, path)


def begin(recipe: ImageRecipe, init: str, tables: Mapping[str, Mapping[str, Any]]) -> Begun:
    """A random network."""
    torch.manual_seed(recipe.seed)
    return Begun(RedTask(nn.Conv2d(3, 1, 1)), {})


RED_RECIPE = ImageRecipe(
    steps=12,
    batch_size=4,
    learning_rate=0.3,
    warmup_steps=0,
    precision="no",
    workers=0,
    sizes=(24,),
    validate_every=12,
    save_every=4,
    ema_momentum=0.0,
    edited_crops=1.0,
)
RED = Finetuner("red", {"red": RED_RECIPE}, begin, lambda path, device: RedDetector(device, weights=path))
