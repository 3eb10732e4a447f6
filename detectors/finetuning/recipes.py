"""Recipes of published detectors: as their authors trained them, and for a few epochs on annotated pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from imlbench.training.single_recipe import ImageRecipe

FINETUNE, PUBLISHED = "finetune", "published"
Published = TypeVar("Published", bound=ImageRecipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class SquareRecipe(ImageRecipe):
    """AdamW with half a cosine; the whole image, or a large crop of it, resized to the network's square.

    IMDL-BenCo trains such networks with AdamW, a decay of 0.05 and crops of at least 80 %.
    """

    epochs: float = 10.0
    weight_decay: float = 0.05
    warmup_steps: int = 200
    sizes: tuple[int, ...] = (512,)
    view: str = "square"
    crop_min: float = 0.8
    degradation_probability: float = 0.3
    freeze_statistics: bool = True
    ema_momentum: float = 0.0


def presets(published: Published) -> Mapping[str, Published]:
    """The usual fine-tuning, which begins at a tenth of the published rate, and the published training."""
    whole = replace(published, freeze_statistics=False)
    return MappingProxyType(
        {FINETUNE: replace(published, learning_rate=published.learning_rate / 10, epochs=10.0), PUBLISHED: whole}
    )


SPARSE_VIT = presets(SquareRecipe(learning_rate=2e-4, epochs=200.0, batch_size=16))
MESORCH = presets(SquareRecipe(learning_rate=1e-4, epochs=150.0, batch_size=12, accumulation=2))
MVSS_NET = presets(SquareRecipe(learning_rate=1e-4, epochs=150.0, batch_size=8))
"""Its authors published no training script: the rate is IMDL-BenCo's."""
IML_VIT = presets(
    SquareRecipe(
        learning_rate=1e-4, epochs=200.0, batch_size=2, accumulation=8, view="crop", pad_black=True, sizes=(1024,)
    )
)
"""Images lie in the upper left of black at their own size, as the detector sees them."""
