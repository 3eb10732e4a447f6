"""PSCC-Net's training: four masks from coarse to fine, and the image's label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from detectors.finetuning import finetuners
from detectors.finetuning.methods import Logits, Method, enlarged
from detectors.finetuning.recipes import presets
from detectors.finetuning.task import NativeTask
from detectors.pscc_net.own_files import files_of
from imlbench.training.dice import TINY
from imlbench.training.finetuners import Finetuner
from imlbench.training.losses import balanced_cross_entropy, labels
from imlbench.training.single_recipe import ImageRecipe

if TYPE_CHECKING:
    from detectors.network_detector import NetworkDetector

AUTHENTIC = 0.5947
"""Share of authentic images in the authors' training, by IMDL-BenCo's copy of it: labels weigh by its inverse."""
HALVINGS = 5
"""The rate is halved every five of 25 epochs; the last halving would be the run's end."""
SCALES = ("mask1", "mask2", "mask3", "mask4")


@dataclass(frozen=True, slots=True, kw_only=True)
class PsccNetRecipe(ImageRecipe):
    """Adam, its rate halved at each fifth of the run; crops at the images' own scale, which is inferred.

    In half precision the scores of surely edited pixels would round to 1, where no gradient is.
    """

    optimiser: ClassVar[str] = "adam"

    epochs: float = 25.0
    batch_size: int = 10
    learning_rate: float = 2e-4
    weight_decay: float = 0.0
    warmup_steps: int = 0
    precision: str = "no"
    sizes: tuple[int, ...] = (256,)
    degradation_probability: float = 0.3
    freeze_statistics: bool = True
    ema_momentum: float = 0.0

    def rate(self, step: int, steps: int) -> float:
        return self.learning_rate * 0.5 ** (HALVINGS * step // steps)


def logits_of(network: Any, batch: Tensor) -> Logits:
    """The four masks' scores, B x 1 x 256 x 256 and its half, quarter, eighth; B x 2 of the image; the finest mask."""
    features = network.FENet(batch)
    # Its stages write into the lists that they are given: each head gets one of its own.
    scores = [found.float() for found in network.SegNet(list(features))]
    label = network.ClsNet(list(features))
    return {"mask": enlarged(scores[0].logit(TINY), batch), "label": label, **dict(zip(SCALES, scores, strict=True))}


def four_masks(logits: Logits, mask: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """Class-balanced cross-entropy at each scale, and cross-entropy of the image's label."""
    # Cross-entropy of scores is refused under autocast, and computes in full precision here.
    with torch.autocast(mask.device.type, enabled=False):
        at_scales = [balanced_cross_entropy(logits[name], *shrunk(mask, valid, logits[name])) for name in SCALES]
        masks = torch.stack(at_scales).sum()
        image = label_cross_entropy(logits["label"], mask, valid)
    return {"loss": masks + image, "masks": masks, "image": image}


def shrunk(mask: Tensor, valid: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Mask and valid at a scale: a cell is edited where half of what counts of it is, and counts where half of it does.

    At its own size a mask stays as it is, soft or not.
    """
    size = scores.shape[2:]
    if mask.shape[2:] == size:
        return mask, valid
    counted = functional.interpolate(valid, size, mode="area")
    edited = functional.interpolate(mask * valid, size, mode="area") / counted.clamp_min(TINY)
    return (edited >= 0.5).to(mask.dtype), (counted >= 0.5).to(valid.dtype)


def label_cross_entropy(logits: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of B x 2 against whether anything is edited, an image weighing by its class."""
    weights = logits.new_tensor([1 / AUTHENTIC, 1 / (1 - AUTHENTIC)], dtype=torch.float32)
    return functional.cross_entropy(logits.float(), labels(mask, valid).long(), weights)


def pscc_net() -> type[NetworkDetector]:
    """PSCC-Net's class."""
    from detectors.pscc_net.detector import PsccNet

    return PsccNet


METHOD = Method("pscc-net", pscc_net, "pscc_net", logits_of, four_masks, ("loss", "masks", "image"), public=files_of)
PSCC_NET = Finetuner(
    name="pscc-net",
    recipes=presets(PsccNetRecipe()),
    begin=partial(finetuners.begin, method=METHOD, task=NativeTask),
    open=partial(finetuners.open_with, method=METHOD),
)
"""What the entry point names."""
