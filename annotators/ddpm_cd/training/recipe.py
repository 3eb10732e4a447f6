"""How the change head is trained; the defaults are the published ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imlbench.errors import UserError
from imlbench.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRecipe(Recipe):
    """Adam with a learning rate that falls linearly from epoch to epoch. Only the head is trained.

    Published are optimiser, rate, its fall, epochs and batch size. A pair is seen whole at the diffusion model's size,
    as the annotator sees it, and flipped half of the time; the weights are not averaged.

    Attributes:
        sizes: the side of the diffusion model's input, and nothing else.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    optimiser: ClassVar[str] = "adam"
    schedule: ClassVar[str] = "linear"

    epochs: float = 120.0
    weight_decay: float = 0.0
    warmup_steps: int = 0
    gradient_clip: float = 0.0
    sizes: tuple[int, ...] = (256,)
    crop_min: float = 1.0
    crop_aspect: float = 1.0
    ema_momentum: float = 0.0

    def check(self) -> None:
        if self.learning_rate <= 0:
            raise UserError(f"learning_rate: expected more than 0, found {self.learning_rate}")
        if len(self.sizes) != 1:
            raise UserError(f"sizes: expected one, the side of the diffusion model's input, found {self.sizes}")
        if self.warmup_steps or not self.epochs:
            raise UserError("expected epochs, by which the learning rate falls, and no warmup_steps")

    def share(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0, as a share of the first one's; never 0 within the training."""
        return max(0.0, 1.0 - epoch / (self.epochs + 1))

    def rate(self, step: int, steps: int) -> float:
        """A run of fewer or more steps than its epochs need falls as far: an epoch is then a share of it."""
        return self.learning_rate * self.share(int(step * self.epochs / steps))
