"""The network: colours and high-pass residuals in, a logit a pixel out."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.tiny_unet.config import MOST_PARAMETERS
from imlbench.errors import UserError

if TYPE_CHECKING:
    from detectors.tiny_unet.config import TinyUnetConfig

SECOND = ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))
SQUARE = ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0))
WIDE = ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1))
HIGH_PASS = ((SECOND, 2), (SQUARE, 4), (WIDE, 12))
"""Filters of the spatial rich model (Fridrich and Kodovsky, 2012) with their divisors: each is 0 on a plane."""
CLIP = 8.0
"""Grey levels beyond which a residual is an edge of the scene and no trace."""


class TinyUnet(nn.Module):
    """A U-Net whose logits are drawn at half the resolution and enlarged.

    Args:
        config: its sizes.

    Raises:
        UserError: it would have more than `MOST_PARAMETERS`.
    """

    filters: Tensor

    def __init__(self, config: TinyUnetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        first = 12 if config.residual else 3
        self.register_buffer("filters", high_pass(), persistent=False)
        self.stem = block(first, widths[0])
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(
            nn.Sequential(block(shallow, deep, stride=2), block(deep, deep)) for shallow, deep in pairs
        )
        self.context = nn.Linear(2 * widths[-1], widths[-1]) if config.context else None
        self.up = nn.ModuleList(block(deep + shallow, shallow) for shallow, deep in reversed(pairs[1:]))
        self.head = nn.Conv2d(widths[1], 1, 3, padding=1)
        count = sum(parameter.numel() for parameter in self.parameters())
        if count > MOST_PARAMETERS:
            raise UserError(f"widths: a network of {count:,} parameters; expected at most {MOST_PARAMETERS:,}")

    def forward(self, images: Tensor) -> Tensor:
        """Logits of "edited".

        Args:
            images: B x 3 x H x W, float32 in [0, 1], of any size.

        Returns:
            B x 1 x H x W.
        """
        height, width = images.shape[2:]
        multiple = self.config.multiple
        padding = (0, -width % multiple, 0, -height % multiple)
        # Replicated, since reflection asks for more pixels than a tiny image has.
        padded = functional.pad(images, padding, mode="replicate") if any(padding) else images
        found = self.stem(self.seen(padded))
        levels = []
        for step in self.down:
            found = step(found)
            levels.append(found)
        found = self._told(levels.pop())
        for step in self.up:
            beside = levels.pop()
            found = functional.interpolate(found, size=beside.shape[2:], mode="bilinear", align_corners=False)
            found = step(torch.cat((found, beside), dim=1))
        logits: Tensor = functional.interpolate(
            self.head(found).float(), size=padded.shape[2:], mode="bilinear", align_corners=False
        )
        return logits[:, :, :height, :width]

    def seen(self, images: Tensor) -> Tensor:
        """What the first convolution sees: colours about 0 and, where the configuration says so, residuals."""
        centred = (images - 0.5) * 4
        if not self.config.residual:
            return centred
        around = functional.pad(images * 255, (2, 2, 2, 2), mode="replicate")
        residuals = functional.conv2d(around, self.filters.to(around.dtype), groups=3)
        return torch.cat((centred, residuals.clamp(-CLIP, CLIP) / 4), dim=1)

    def _told(self, deepest: Tensor) -> Tensor:
        """The deepest level, with what the whole image looks like added to each place."""
        if self.context is None:
            return deepest
        overall = torch.cat((deepest.mean(dim=(2, 3)), deepest.amax(dim=(2, 3))), dim=1)
        told: Tensor = self.context(overall)[:, :, None, None]
        return deepest + told


def high_pass() -> Tensor:
    """The filters for three colours in groups: 9 x 1 x 5 x 5."""
    one = torch.stack([torch.tensor(kernel, dtype=torch.float32) / divisor for kernel, divisor in HIGH_PASS])
    return one.repeat(3, 1, 1)[:, None]


def block(inner: int, outer: int, stride: int = 1) -> nn.Module:
    """Convolution, normalisation, rectifier."""
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)
    )
