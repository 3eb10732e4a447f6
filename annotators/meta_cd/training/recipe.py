"""How Meta-CD and SAM-CD are trained; the defaults are the published ones where the description names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from annotators.meta_cd.config import STRIDES, MetaCdConfig, preset
from imlbench.errors import UserError
from imlbench.training.configuring import read_tables
from imlbench.training.recipe import Recipe

IMAGENET, RANDOM = "imagenet", "random"
NETWORK = "network"
"""The table of a TOML file that changes fields of `MetaCdConfig`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaCdRecipe(Recipe):
    """SGD with Nesterov's momentum and a rate that falls by the cube of what is left of the run.

    Named by the description: the optimiser, its momentum, decay and rate, 100 epochs, batches of 16, sides of 256.
    Crops and flips are those of `Recipe`.

    Attributes:
        cnn_weights: where the ResNet starts: "imagenet" (the weights `resnet-18` or `resnet-34`), "random", or a file
            of torchvision's weights.
    """

    optimiser: ClassVar[str] = "sgd"
    schedule: ClassVar[str] = "cubic"

    epochs: float = 100.0
    batch_size: int = 16
    learning_rate: float = 0.1
    betas: tuple[float, ...] = (0.9, 0.999)
    weight_decay: float = 5e-4
    warmup_steps: int = 0
    gradient_clip: float = 0.0
    sizes: tuple[int, ...] = (256,)
    ema_momentum: float = 0.0
    cnn_weights: str = IMAGENET

    def check(self) -> None:
        wrong = [size for size in self.sizes if size % STRIDES[-1]]
        if wrong:
            raise UserError(f"sizes: expected multiples of {STRIDES[-1]}, found {wrong[0]}")
        if not self.cnn_weights:
            raise UserError(f"cnn_weights: expected {IMAGENET}, {RANDOM} or a file, found nothing")


RECIPES: Mapping[str, Mapping[str, MetaCdRecipe]] = MappingProxyType(
    {
        "meta-cd": MappingProxyType(
            {"meta-cd": MetaCdRecipe(), "meta-cd-small": MetaCdRecipe(cnn_weights=RANDOM)},
        ),
        "sam-cd": MappingProxyType({"sam-cd": MetaCdRecipe()}),
    }
)
"""The presets of each command; the first is the default."""


def read_config(annotator: str, name_or_file: str) -> tuple[MetaCdRecipe, MetaCdConfig]:
    """Recipe and network of a preset or of a TOML file.

    Args:
        annotator: "meta-cd" or "sam-cd".
        name_or_file: empty = the annotator's own preset.

    Raises:
        UserError: no such preset or file, a value that makes no sense, or a network of the other annotator's.
    """
    recipe, name, tables = read_tables(name_or_file, RECIPES[annotator], (NETWORK,))
    try:
        config = MetaCdConfig.from_mapping({**preset(name).to_dict(), **tables.get(NETWORK, {})})
        expect_together(annotator, recipe, config)
    except UserError as error:
        raise UserError(f"{name_or_file}: {error}") from error
    return recipe, config


def expect_together(annotator: str, recipe: MetaCdRecipe, config: MetaCdConfig) -> None:
    """See that the network is the annotator's, and is trained at the size at which it will look at pairs.

    Raises:
        UserError: it is not.
    """
    if config.annotator != annotator:
        raise UserError(f"[{NETWORK}]: this is a network of {config.annotator}; imlbench train {config.annotator}")
    if config.image_size not in recipe.sizes:
        found = ", ".join(map(str, recipe.sizes))
        raise UserError(f"sizes: expected the network's image_size = {config.image_size} among them, found {found}")
