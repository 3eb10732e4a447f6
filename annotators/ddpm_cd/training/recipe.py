"""How the change head is trained; the defaults are the published ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch.nn import Parameter
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from annotators.ddpm_cd.config import Checked
from annotators.ddpm_cd.model import DdpmCd
from imlbench.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRecipe(Checked):
    """Adam with a learning rate that falls linearly from epoch to epoch. Only the head is trained.

    Attributes:
        learning_rate: of the first epoch.
        epochs: passes over the training pairs.
        batch_size: pairs per step.
        seed: of the head's first weights, of the order of pairs, and of their noise.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    learning_rate: float = 1e-4
    epochs: int = 120
    batch_size: int = 8
    seed: int = 0

    def check(self) -> None:
        if self.learning_rate <= 0 or self.epochs < 1 or self.batch_size < 1 or self.seed < 0:
            raise UserError("the head's training: expected positive learning_rate, epochs and batch_size, seed >= 0")

    def share(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0, as a share of the first one's; never 0 within the training."""
        return max(0.0, 1.0 - epoch / (self.epochs + 1))


def trainable(network: DdpmCd) -> list[Parameter]:
    """The parameters that training changes: those of the head that have an effect.

    The published head compares the finest level without using it; weights without effect would only grow a file's
    optimiser state.
    """
    unused = () if network.head.config.finest else tuple(network.head.joins[-1].parameters())
    left_out = {id(parameter) for parameter in unused}
    return [parameter for parameter in network.head.parameters() if id(parameter) not in left_out]


def optimiser(parameters: Iterable[Parameter], recipe: HeadRecipe) -> Adam:
    """Adam with its usual moments."""
    return Adam(list(parameters), lr=recipe.learning_rate)


def decay(optimizer: Optimizer, recipe: HeadRecipe, steps_per_epoch: int) -> LambdaLR:
    """The learning rate's fall, to be advanced once for each step of the optimiser.

    Args:
        optimizer: from `optimiser`.
        recipe: says how far an epoch falls.
        steps_per_epoch: at least 1.

    Raises:
        UserError: an epoch without steps.
    """
    if steps_per_epoch < 1:
        raise UserError(f"the head's training: expected at least one step an epoch, found {steps_per_epoch}")
    return LambdaLR(optimizer, lambda step: recipe.share(step // steps_per_epoch))
