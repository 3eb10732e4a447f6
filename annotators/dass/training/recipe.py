"""How DASS is trained. Version 1 states none of these numbers: all are this project's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from annotators.dass.config import COARSEST
from imlbench.errors import UserError
from imlbench.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class DassRecipe(Recipe):
    """AdamW with a cosine fall, for encoder and head alike.

    Attributes:
        dice_weight: of soft Dice beside the cross-entropy.
        vertical_flip_probability: of a flip upside down, which the network has to know where it is averaged over one.
        freeze_norms: whether BatchNorm keeps the statistics that an encoder's weights came with. Where there are no
            such weights, they are learned all the same. EfficientNet-Lite0 always keeps them.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    shares: ClassVar[tuple[str, ...]] = (*Recipe.shares, "vertical_flip_probability")
    not_negative: ClassVar[tuple[str, ...]] = (*Recipe.not_negative, "dice_weight")

    epochs: float = 20.0
    sizes: tuple[int, ...] = (512, 640, 768)
    photometric_probability: float = 0.5
    degradation_probability: float = 0.6
    dice_weight: float = 1.0
    vertical_flip_probability: float = 0.5
    freeze_norms: bool = True

    def check(self) -> None:
        for size in self.sizes:
            if size % COARSEST:
                raise UserError(f"sizes: expected multiples of {COARSEST}, found {size}")


RECIPES: Mapping[str, DassRecipe] = MappingProxyType(
    {
        "dass": DassRecipe(),
        "dass-small": DassRecipe(
            learning_rate=5e-4,
            warmup_steps=100,
            sizes=(224, 256, 288, 320, 384, 448),
            crop_min=0.5,
            crop_aspect=1.3,
            vertical_flip_probability=0.0,
        ),
    }
)
"""By the preset of the network that they train. Scales and degradations of `dass-small` are `sigma-lite`'s."""
