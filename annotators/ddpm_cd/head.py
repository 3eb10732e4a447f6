"""The change head: compares two images' activations from the coarsest level to the finest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from annotators.ddpm_cd.config import DdpmCdConfig

CLASSES = 2
"""Logits of "as it was" and of "edited"."""

Activations = Sequence[Mapping[int, Tensor]]
"""One mapping for each diffusion step: number of the activation -> B x C x h x w."""


class StepJoin(nn.Module):
    """One level's activations of all steps as one map; the same weights for both images.

    Args:
        width: channels of one activation.
        steps: how many are joined; a single one needs no mixing.
    """

    def __init__(self, width: int, steps: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width * steps, width, 1) if steps > 1 else None
        self.refine = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, joined: Tensor) -> Tensor:
        """B x width x h x w from B x (width * steps) x h x w."""
        mixed = joined if self.mix is None else functional.relu(self.mix(joined))
        refined: Tensor = functional.relu(self.refine(mixed))
        return refined


class Excitation(nn.Module):
    """Concurrent channel and spatial squeeze and excitation (Roy et al., arXiv 1803.02579): the two, added.

    Args:
        width: channels.
        reduction: of the channels in between.
    """

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(width, max(1, width // reduction))
        self.expand = nn.Linear(max(1, width // reduction), width)
        self.place = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """B x width x h x w from the same."""
        channels = self.expand(functional.relu(self.reduce(x.mean(dim=(2, 3))))).sigmoid()
        excited: Tensor = x * channels[:, :, None, None] + x * self.place(x).sigmoid()
        return excited


class Carry(nn.Module):
    """Takes a level's result to the next finer one.

    Args:
        inner: channels of this level.
        outer: channels of the next.
        reduction: of the channel squeeze.
    """

    def __init__(self, inner: int, outer: int, reduction: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, 3, padding=1)
        self.excite = Excitation(outer, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """B x outer x 2h x 2w from B x inner x h x w."""
        x = self.excite(functional.relu(self.conv(x)))
        return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class ChangeHead(nn.Module):
    """Coarse to fine: join the steps, take the absolute difference, add what the coarser levels found, carry on.

    Args:
        config: the sizes.
    """

    def __init__(self, config: DdpmCdConfig) -> None:
        super().__init__()
        self.config = config.head
        self.order = config.head.maps[::-1]
        widths = config.head_widths[::-1]
        self.joins = nn.ModuleList([StepJoin(width, len(config.head.steps)) for width in widths])
        self.carries = nn.ModuleList([Carry(inner, outer, config.head.reduction) for inner, outer in pairwise(widths)])
        self.hidden = nn.Conv2d(widths[-1], config.head.hidden, 3, padding=1)
        self.logits = nn.Conv2d(config.head.hidden, CLASSES, 3, padding=1)

    def forward(self, original: Activations, edited: Activations) -> Tensor:
        """Logits of the two classes: B x 2 x H x W at the size of the finest activation.

        Args:
            original: the original images' activations, by step, those that `config.wanted` names.
            edited: the edited images'.
        """
        result: Tensor | None = None
        for place, number in enumerate(self.order):
            if number in self.config.wanted:
                join = self.joins[place]
                first = torch.cat([activations[number] for activations in original], dim=1)
                second = torch.cat([activations[number] for activations in edited], dim=1)
                difference = (join(first) - join(second)).abs()
                result = difference if result is None else difference + result
            if place < len(self.carries):
                result = self.carries[place](result)
        logits: Tensor = self.logits(functional.relu(self.hidden(result)))
        return logits


@torch.no_grad()
def initialise(module: nn.Module) -> None:
    """Orthogonal weights and zero biases, where a published head begins its training."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.orthogonal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
