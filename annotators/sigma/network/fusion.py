"""From what the parser and the grounder say to the prior tokens: ACSF and the prior's convolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from annotators.sigma.parse import Action


def fuse(actions: Sequence[Action], original: Tensor, edited: Tensor, epsilon: float) -> Tensor:
    """Action-conditioned spatial fusion (ACSF): the prior, by what the instruction does.

    add: the edited concept's attention. remove: the original concept's. replace and attribute change: their product.
    global: the constant `epsilon`.

    Args:
        actions: one per pair.
        original: B x 1 x h x w, attention of the original concept on the original image, in [0, 1].
        edited: B x 1 x h x w, attention of the edited concept on the edited image, in [0, 1].
        epsilon: the near-zero constant.

    Returns:
        B x 1 x h x w, in [0, 1].
    """
    if original.shape != edited.shape or len(actions) != len(original):
        raise ValueError(
            f"expected one action and two maps of one shape per pair, found {len(actions)} actions, "
            f"{tuple(original.shape)} and {tuple(edited.shape)}"
        )
    pairs = zip(actions, original, edited, strict=True)
    return torch.stack([_fuse_one(action, before, after, epsilon) for action, before, after in pairs])


def _fuse_one(action: Action, original: Tensor, edited: Tensor, epsilon: float) -> Tensor:
    match action:
        case Action.ADD:
            return edited
        case Action.REMOVE:
            return original
        case Action.REPLACE | Action.ATTRIBUTE_CHANGE:
            return original * edited
        case Action.GLOBAL:
            return torch.full_like(edited, epsilon)


class PriorConvolution(nn.Module):
    """T0 = ReLU(conv 3 x 3 (P)): B x 1 x h x w -> B x C x h x w."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, width, 3, padding=1)

    def forward(self, prior: Tensor) -> Tensor:
        return functional.relu(self.convolution(prior))
