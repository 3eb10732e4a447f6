"""CAT-Net's training: cross-entropy weighted by class, over crops with the coefficients of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.cat_net.preprocessing import BLOCK, LARGEST
from detectors.finetuning import finetuners
from detectors.finetuning.cat_net_data import CoefficientData
from detectors.finetuning.methods import Logits, Method, enlarged
from detectors.finetuning.recipes import presets
from detectors.finetuning.task import BorrowedTask
from imlbench.adapters import Picture
from imlbench.errors import UserError
from imlbench.loading import picture_of
from imlbench.training.finetuners import Begun, Finetuner
from imlbench.training.losses import weighted_cross_entropy
from imlbench.training.single_recipe import ImageRecipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.network_detector import NetworkDetector
    from imlbench.samples import Image
    from imlbench.training.items import Batch
    from imlbench.training.pairs import TrainingPair

CLASS_WEIGHTS = (0.5, 2.5)
"""Of authentic and edited pixels."""
AS_STORED: Mapping[str, Any] = {
    "view": "crop",
    "scale": 1.0,
    "flip_probability": 0.0,
    "photometric_probability": 0.0,
    "degradation_probability": 0.0,
}
"""What leaves a file's coefficients as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatNetRecipe(ImageRecipe):
    """SGD over crops that lie on the grid of JPEG's blocks; batch, momentum and the rate's fall are inferred.

    Raises:
        UserError: a value has the wrong type, is out of range, or would change coefficients.
    """

    optimiser: ClassVar[str] = "sgd"
    schedule: ClassVar[str] = "linear"

    epochs: float = 200.0
    batch_size: int = 8
    learning_rate: float = 5e-3
    weight_decay: float = 5e-4
    warmup_steps: int = 0
    sizes: tuple[int, ...] = (512,)
    align: int = BLOCK
    flip_probability: float = 0.0
    freeze_statistics: bool = True
    ema_momentum: float = 0.0

    def check(self) -> None:
        # Not super(): a class with slots is made anew, and its methods still see the first one.
        ImageRecipe.check(self)
        for name, value in AS_STORED.items():
            if getattr(self, name) != value:
                raise UserError(f"{name}: expected {value}, found {getattr(self, name)}: coefficients are the file's")
        if self.align % BLOCK or any(size % BLOCK for size in self.sizes):
            raise UserError(f"align and sizes: expected multiples of {BLOCK}, found {self.align} and {self.sizes}")


class CatNetTask(BorrowedTask):
    """Colours and coefficients; validated by the detector itself, which is given the image's file.

    Args:
        network: on the processor.
        recipe: of the crops.
        method: its loss.
    """

    def __init__(self, network: nn.Module, recipe: ImageRecipe, method: Method) -> None:
        super().__init__(network, 0, recipe, method)

    def prepared(self, images: Tensor) -> Tensor:
        """Colours from -1 to 1."""
        return 2 * images - 1

    def shown(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The network's 24 planes, B x 24 x S x S, and the tables, B x 8 x 8."""
        one_hot = functional.one_hot(batch["magnitudes"].long(), LARGEST + 1).permute(0, 3, 1, 2)
        return torch.cat((self.prepared(batch["image"]), one_hot.float()), dim=1), batch["table"]

    def scores(self, network: nn.Module, images: Tensor) -> Tensor:
        """Of bare pixels, which the detector saves as a JPEG first."""
        pixels = (255 * images).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        found = [torch.from_numpy(self.judge(network, one, images.device)) for one in pixels]
        return torch.stack(found)[:, None]

    def judge(self, network: nn.Module, pixels: Image, device: torch.device) -> NDArray[np.float32]:
        return self.detected(network, Picture("", pixels), device)

    def judge_file(
        self, network: nn.Module, image: TrainingPair, pixels: Image, device: torch.device
    ) -> NDArray[np.float32]:
        return self.detected(network, picture_of(image.sample.id, pixels, image.sample.edited.read()), device)


def logits_of(network: Any, shown: tuple[Tensor, Tensor]) -> Logits:
    """Of the two classes, from a quarter of the size enlarged, and of edited against authentic."""
    batch, tables = shown
    classes = enlarged(network(batch, tables[:, None]), batch)
    return {"mask": classes[:, 1:] - classes[:, :1], "classes": classes}


def by_class(logits: Logits, mask: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """Cross-entropy, an edited pixel weighing five times an authentic one."""
    return {"loss": weighted_cross_entropy(logits["classes"], mask, valid, CLASS_WEIGHTS)}


def cat_net() -> type[NetworkDetector]:
    """CAT-Net's class."""
    from detectors.cat_net.detector import CatNet

    return CatNet


def begin(recipe: ImageRecipe, init: str, tables: Mapping[str, Mapping[str, Any]]) -> Begun:
    """The network with the weights to start from.

    Raises:
        UserError: a package or weights are missing, damaged or another network's.
    """
    if lacks := cat_net().lacking_packages():
        raise UserError(lacks)
    return finetuners.begin(recipe, init, tables, method=METHOD, task=CatNetTask)


METHOD = Method("cat-net", cat_net, "cat_net", logits_of, by_class)
CAT_NET = Finetuner(
    name="cat-net",
    recipes=presets(CatNetRecipe()),
    begin=begin,
    open=partial(finetuners.open_with, method=METHOD),
    data=CoefficientData,
)
"""What the entry point names."""
