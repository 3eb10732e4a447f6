"""The optimisers that recipes name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer

if TYPE_CHECKING:
    from imlbench.training.recipe import Recipe


def make_optimiser(recipe: Recipe, parameters: Sequence[Parameter]) -> Optimizer:
    """The recipe's optimiser: "adamw" (decay apart from the gradient), "adam", or "sgd" with Nesterov's momentum.

    Args:
        recipe: its rate, moments and decay.
        parameters: what it changes.
    """
    first, second = recipe.betas[0], recipe.betas[1]
    if recipe.optimiser == "sgd":
        return SGD(
            parameters, recipe.learning_rate, momentum=first, weight_decay=recipe.weight_decay, nesterov=first > 0
        )
    kind = AdamW if recipe.optimiser == "adamw" else Adam
    return kind(parameters, recipe.learning_rate, (first, second), weight_decay=recipe.weight_decay)
