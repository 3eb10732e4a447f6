"""The network: colours, high-pass residuals and their local statistics in, a logit a pixel out."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.tiny_unet.config import CELL, MOST_PARAMETERS
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
PATCHES = 24
"""Channels of what is learned about a cell's own pixels."""
FLOOR = 0.1
"""Grey levels below which a residual is rounding; keeps logarithms finite."""
PRIOR = -1.0
"""First bias of the logit: most of an image is not edited."""


class TinyUnet(nn.Module):
    """A U-Net over cells of 4 x 4 pixels, whose logits are enlarged to the image's size.

    How strong the residuals are in a cell, against the image's own mean, tells smoothed, resampled and pasted parts; a
    network that must find that out by itself needs far more images than it is meant to be trained on.

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
        self.register_buffer("filters", high_pass(), persistent=False)
        self.patches = rectified(nn.Conv2d(12 if config.residual else 3, PATCHES, CELL, stride=CELL, bias=False))
        told = 6 + (27 if config.residual else 0)
        self.levelled = nn.BatchNorm2d(told)
        pairs = list(pairwise(widths))
        self.first = nn.Sequential(block(PATCHES + told, widths[0]), block(widths[0], widths[0]))
        self.down = nn.ModuleList(
            nn.Sequential(block(shallow, deep, stride=2), block(deep, deep)) for shallow, deep in pairs
        )
        self.context = nn.Linear(2 * widths[-1], widths[-1]) if config.context else None
        self.up = nn.ModuleList(block(deep + shallow, shallow) for shallow, deep in reversed(pairs))
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)
        nn.init.constant_(self.head.bias, PRIOR)  # type: ignore[arg-type]
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
        found = self.first(torch.cat(self.cells(padded), dim=1))
        levels = [found]
        for step in self.down:
            levels.append(step(levels[-1]))
        found = self._told(levels.pop())
        for step in self.up:
            beside = levels.pop()
            found = functional.interpolate(found, size=beside.shape[2:], mode="bilinear", align_corners=False)
            found = step(torch.cat((found, beside), dim=1))
        logits: Tensor = functional.interpolate(
            self.head(found).float(), size=padded.shape[2:], mode="bilinear", align_corners=False
        )
        return logits[:, :, :height, :width]

    def cells(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Each cell as learned filters see it, and its statistics: B x channels x H / `CELL` x W / `CELL`, twice.

        Args:
            images: as `forward`'s, with sides that are multiples of `CELL`.
        """
        colours = (images - 0.5) * 4
        if not self.config.residual:
            return self.patches(colours), self.levelled(colour_statistics(colours))
        residuals = self.residuals(images)
        seen = torch.cat((colours, residuals.clamp(-CLIP, CLIP) / 4), dim=1)
        told = torch.cat((colour_statistics(colours), residual_statistics(residuals)), dim=1)
        return self.patches(seen), self.levelled(told)

    def residuals(self, images: Tensor) -> Tensor:
        """What the high-pass filters leave of each colour, in grey levels: B x 9 x H x W."""
        # In full precision: what bfloat16 rounds off a grey level is larger than the traces.
        with torch.autocast(images.device.type, enabled=False):
            around = functional.pad(images.float() * 255, (2, 2, 2, 2), mode="replicate")
            found: Tensor = functional.conv2d(around, self.filters.float(), groups=3)
        return found

    def _told(self, deepest: Tensor) -> Tensor:
        """The deepest level, with what the whole image looks like added to each place."""
        if self.context is None:
            return deepest
        overall = torch.cat((deepest.mean(dim=(2, 3)), deepest.amax(dim=(2, 3))), dim=1)
        told: Tensor = self.context(overall)[:, :, None, None]
        return deepest + told


def colour_statistics(colours: Tensor) -> Tensor:
    """Mean and logarithm of the variance of each colour in each cell: B x 6 x h x w.

    Args:
        colours: B x 3 x H x W.
    """
    mean = functional.avg_pool2d(colours, CELL)
    variance = functional.avg_pool2d(colours * colours, CELL) - mean * mean
    return torch.cat((mean, torch.log(variance.clamp_min(0) + 1e-3)), dim=1)


def residual_statistics(residuals: Tensor) -> Tensor:
    """How strong residuals are in and about each cell, against the image's mean: B x 3 n x h x w.

    Logarithms, so that a part that was smoothed or rescaled differs by a sum from what it would have been: of the mean
    and of the largest absolute value in a cell, and the first averaged over 5 x 5 cells.

    Args:
        residuals: B x n x H x W, in grey levels.
    """
    strength = residuals.abs()
    mean = against_image(torch.log(functional.avg_pool2d(strength, CELL) + FLOOR))
    largest = against_image(torch.log(functional.max_pool2d(strength, CELL) + FLOOR))
    around = functional.avg_pool2d(mean, 5, stride=1, padding=2, count_include_pad=False)
    return torch.cat((mean, largest, around), dim=1)


def against_image(values: Tensor) -> Tensor:
    """Less their mean over the image."""
    return values - values.mean(dim=(2, 3), keepdim=True)


def high_pass() -> Tensor:
    """The filters for three colours in groups: 9 x 1 x 5 x 5."""
    one = torch.stack([torch.tensor(kernel, dtype=torch.float32) / divisor for kernel, divisor in HIGH_PASS])
    return one.repeat(3, 1, 1)[:, None]


def block(inner: int, outer: int, stride: int = 1) -> nn.Module:
    """3 x 3 convolution, normalisation, rectifier."""
    return rectified(nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False))


def rectified(convolution: nn.Conv2d) -> nn.Module:
    """A convolution, normalisation, rectifier."""
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))
