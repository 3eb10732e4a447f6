"""TruFor's training: localisation over a frozen noise print, then confidence and detection over frozen localisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor
from torch.nn import functional

from detectors.finetuning import finetuners
from detectors.finetuning.methods import Logits, Method
from detectors.finetuning.recipes import presets
from detectors.finetuning.task import NativeTask
from imlbench.errors import UserError, one_line
from imlbench.training import losses
from imlbench.training.dice import squared_dice
from imlbench.training.finetuners import SCRATCH, Begun, Finetuner
from imlbench.training.single_recipe import ImageRecipe

if TYPE_CHECKING:
    from detectors.network_detector import NetworkDetector

CLASS_WEIGHTS = (0.5, 2.5)
"""Of authentic and edited pixels, as IMDL-BenCo's copy of the training has them; they are CAT-Net's too."""
CROSS_ENTROPY, DICE = 0.3, 0.7
DETECTION = 0.5
"""Weight of the image's label beside the confidence."""
LOCALISATION, CONFIDENCE = "localisation", "confidence"
NOISE_PRINT, CONFIDENT_PARTS = "dncnn", ("decode_head_conf", "detection")


@dataclass(frozen=True, slots=True, kw_only=True)
class TruForRecipe(ImageRecipe):
    """SGD over crops of rescaled images; momentum, decay and the rate's fall are inferred from CAT-Net's training.

    Attributes:
        phase: "localisation" trains encoder and mask decoder, "confidence" after it the confidence and the image score.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    optimiser: ClassVar[str] = "sgd"
    schedule: ClassVar[str] = "linear"

    epochs: float = 100.0
    batch_size: int = 18
    learning_rate: float = 5e-3
    weight_decay: float = 5e-4
    warmup_steps: int = 0
    sizes: tuple[int, ...] = (512,)
    scale: float = 1.5
    degradation_probability: float = 0.5
    freeze_statistics: bool = True
    ema_momentum: float = 0.0
    phase: str = LOCALISATION

    def check(self) -> None:
        # Not super(): a class with slots is made anew, and its methods still see the first one.
        ImageRecipe.check(self)
        if self.phase not in METHODS:
            raise UserError(f"phase: expected one of {', '.join(METHODS)}, found {one_line(repr(self.phase), 40)}")


def logits_of(network: Any, batch: Tensor) -> Logits:
    """Of the two classes, of edited against authentic, of the confidence, each at the input's size; and B images'."""
    classes, confidence, detection, _ = network(batch)
    # A softmax over two is a sigmoid of their difference.
    edited = classes[:, 1:].float() - classes[:, :1].float()
    return {"mask": edited, "classes": classes, "confidence": confidence, "image": detection[:, 0]}


def localisation(logits: Logits, mask: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """0.3 cross-entropy, weighted by class, + 0.7 Dice of the edited class."""
    entropy = losses.weighted_cross_entropy(logits["classes"], mask, valid, CLASS_WEIGHTS)
    dice = squared_dice(logits["mask"].sigmoid(), mask, valid)
    return {"loss": CROSS_ENTROPY * entropy + DICE * dice, "cross_entropy": entropy, "dice": dice}


def confidence(logits: Logits, mask: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """Squared distance of the confidence from the score of the true class, + 0.5 cross-entropy of the image's label."""
    scores = logits["mask"].detach().sigmoid()
    true = mask * scores + (1 - mask) * (1 - scores)
    squared = losses.mean_over(
        functional.mse_loss(logits["confidence"].float().sigmoid(), true, reduction="none"), valid
    )
    image = losses.image_cross_entropy(logits["image"], mask, valid)
    return {"loss": squared + DETECTION * image, "confidence": squared, "image": image}


def trufor() -> type[NetworkDetector]:
    """TruFor's class."""
    from detectors.trufor.detector import TruFor

    return TruFor


FIRST = Method(
    "trufor",
    trufor,
    "trufor",
    logits_of,
    localisation,
    ("loss", "cross_entropy", "dice"),
    # Values of 0 to 255 are divided by 256.
    scale=255 / 256,
    frozen=(NOISE_PRINT, *CONFIDENT_PARTS),
)
SECOND = replace(
    FIRST, loss=confidence, terms=("loss", "confidence", "image"), frozen=(NOISE_PRINT, "backbone", "decode_head")
)
METHODS = MappingProxyType({LOCALISATION: FIRST, CONFIDENCE: SECOND})


def begin(recipe: ImageRecipe, init: str, tables: Mapping[str, Mapping[str, Any]]) -> Begun:
    """The network with the weights to start from, of which the recipe's phase trains a part.

    Raises:
        UserError: its package or its weights are missing, damaged or another network's; or there are to be none.
    """
    assert isinstance(recipe, TruForRecipe)
    if init == SCRATCH:
        raise UserError("trufor: --init scratch: a random noise print would stay random; give public or a weight file")
    return finetuners.begin(recipe, init, tables, method=METHODS[recipe.phase], task=NativeTask)


RECIPES = presets(TruForRecipe())
TRUFOR = Finetuner(
    name="trufor",
    recipes=MappingProxyType({**RECIPES, CONFIDENCE: replace(RECIPES["finetune"], phase=CONFIDENCE)}),
    begin=begin,
    open=partial(finetuners.open_with, method=FIRST),
)
"""What the entry point names."""
