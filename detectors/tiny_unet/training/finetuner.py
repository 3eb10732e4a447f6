"""tiny-unet's training: binary cross-entropy and Dice, on crops at the images' own scale, from end to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor

from detectors.tiny_unet.config import PRESETS, TinyUnetConfig
from detectors.tiny_unet.detector import TinyUnetDetector
from detectors.tiny_unet.files import required_file
from detectors.tiny_unet.network import TinyUnet
from detectors.tiny_unet.own_files import load_network, save_network
from imlbench.errors import UserError
from imlbench.training.dice import batch_dice
from imlbench.training.finetuners import PUBLIC, SCRATCH, Begun, Finetuner
from imlbench.training.items import Batch
from imlbench.training.losses import binary_cross_entropy
from imlbench.training.single_recipe import ImageRecipe
from imlbench.training.single_task import ImageTask
from imlbench.weights.checking import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyUnetRecipe(ImageRecipe):
    """AdamW with half a cosine; the weights are averaged.

    Attributes:
        dice_weight: of the Dice term beside the cross-entropy.
        edited_weight: of an edited pixel in the cross-entropy; edits are small, and a network that learns from few
            images would mark nothing for long.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    not_negative: ClassVar[tuple[str, ...]] = (*ImageRecipe.not_negative, "dice_weight", "edited_weight")

    epochs: float = 20.0
    batch_size: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    warmup_steps: int = 50
    sizes: tuple[int, ...] = (192,)
    edited_crops: float = 0.7
    degradation_probability: float = 0.3
    validate_every: int = 200
    save_every: int = 100
    validation_limit: int = 200
    ema_momentum: float = 0.99
    workers: int = 1
    dice_weight: float = 1.0
    edited_weight: float = 2.0


class TinyUnetTask(ImageTask[TinyUnet]):
    """Cross-entropy of each pixel and Dice of the batch."""

    terms = ("loss", "bce", "dice")

    def __init__(self, network: TinyUnet, recipe: TinyUnetRecipe) -> None:
        super().__init__(network, 0, recipe.freeze_statistics)
        self.dice_weight, self.edited_weight = recipe.dice_weight, recipe.edited_weight

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.network(batch["image"]).float()
        bce = binary_cross_entropy(logits, batch["mask"], batch["valid"], self.edited_weight)
        overlap = batch_dice(logits.sigmoid(), batch["mask"], batch["valid"])
        return {"loss": bce + self.dice_weight * overlap, "bce": bce, "dice": overlap}

    def scores(self, network: TinyUnet, images: Tensor) -> Tensor:
        found: Tensor = network(images).float().sigmoid()
        return found

    def export(self, path: Path, network: TinyUnet, facts: Mapping[str, Any]) -> None:
        save_network(path, network, facts)


def begin(recipe: ImageRecipe, init: str, tables: Mapping[str, Mapping[str, Any]]) -> Begun:
    """The network to start from.

    Raises:
        UserError: a weight file is missing, damaged or another network's, or other sizes are asked for than it has.
    """
    assert isinstance(recipe, TinyUnetRecipe)
    asked = tables.get("network", {})
    if init == SCRATCH:
        torch.manual_seed(recipe.seed)
        network, started = TinyUnet(network_config(asked)), None
    else:
        path = required_file() if init == PUBLIC else Path(init)
        network, started = load_network(path), digest(path)
        if asked and network_config(asked) != network.config:
            raise UserError(f"[network]: {path} has {network.config}; leave the table out, or give --init scratch")
    task = TinyUnetTask(network.requires_grad_(True), recipe)
    return Begun(task, {"sizes": asdict(network.config), "started_from": started})


def network_config(table: Mapping[str, Any]) -> TinyUnetConfig:
    """Sizes from the configuration's table; its key `preset` names what the others change.

    Raises:
        UserError: no such preset, an unknown key, or a value out of range.
    """
    values = dict(table)
    name = values.pop("preset", "tiny-unet")
    if name not in PRESETS:
        raise UserError(f"[network] preset: expected one of {', '.join(PRESETS)}, found {name!r:.40}")
    return TinyUnetConfig.from_mapping({**asdict(PRESETS[name]), **values})


def open_with(path: Path, device: str) -> TinyUnetDetector:
    """The detector with the weights of a run."""
    return TinyUnetDetector(device, weights=path)


STUDY = TinyUnetRecipe(
    steps=1000,
    sizes=(128,),
    degradation_probability=0.0,
    validate_every=250,
    save_every=250,
    validation_limit=50,
    log_every=100,
    precision="no",
)
"""Some hundred images of about 192 pixels, as they are: about a minute on two idle processors."""
DEMO = replace(STUDY, steps=200, sizes=(96,), warmup_steps=20, validate_every=100, workers=0)
"""Under half a minute on two processors; enough to see that it runs, no more."""
TINY_UNET = Finetuner(
    name="tiny-unet",
    recipes=MappingProxyType({"tiny-unet": TinyUnetRecipe(), "study": STUDY, "demo": DEMO}),
    begin=begin,
    open=open_with,
    tables=("network",),
)
"""What the entry point names."""
