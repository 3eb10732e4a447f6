"""The parts of the diffusion model: residual block, attention, and the code of the noise level."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

LONGEST = 1e4
"""Ratio of the longest to the shortest wave of the code."""


class NoiseCode(nn.Module):
    """Sines and cosines of the noise level, then two linear layers.

    Args:
        width: channels of the code.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.first = nn.Linear(width, 4 * width)
        self.second = nn.Linear(4 * width, width)

    def forward(self, levels: Tensor) -> Tensor:
        """B x width from B noise levels in (0, 1]."""
        # In full precision whatever the network has: the levels of steps 50 and 100 differ by less than one per cent.
        with full_precision(levels.device.type):
            places = torch.arange(self.width // 2, dtype=torch.float32, device=levels.device) / (self.width // 2)
            angles = levels.float()[:, None] * torch.exp(-math.log(LONGEST) * places)
            code = torch.cat([angles.sin(), angles.cos()], dim=1)
            coded: Tensor = self.second(functional.silu(self.first(code)))
        return coded


def full_precision(kind: str) -> AbstractContextManager[object]:
    """Suspends automatic casting on a kind of device that has it."""
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


class SelfAttention(nn.Module):
    """One head of attention among all positions, added to what comes in.

    Args:
        width: channels.
        groups: of the normalisation.
    """

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width)
        self.queries_keys_values = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """B x width x h x w from the same."""
        batch, width, height, breadth = x.shape
        joined = self.queries_keys_values(self.norm(x)).flatten(2).transpose(1, 2)
        queries, keys, values = joined.chunk(3, dim=2)
        # Scaled by 1 / sqrt(width), which is this function's default.
        mixed = functional.scaled_dot_product_attention(queries, keys, values)
        result: Tensor = x + self.out(mixed.transpose(1, 2).reshape(batch, width, height, breadth))
        return result


class ResidualBlock(nn.Module):
    """Two normalised 3 x 3 convolutions with the noise level's code added in between, and a short cut.

    Args:
        inner: channels that come in.
        outer: channels that go out.
        code: channels of the noise level's code.
        groups: of the normalisations.
        dropout: before the second convolution.
        attends: whether attention follows.
    """

    def __init__(self, inner: int, outer: int, *, code: int, groups: int, dropout: float, attends: bool) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inner)
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1)
        self.level = nn.Linear(code, outer)
        self.norm2 = nn.GroupNorm(groups, outer)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1)
        self.shortcut = nn.Conv2d(inner, outer, 1) if inner != outer else None
        self.attention = SelfAttention(outer, groups) if attends else None

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """B x outer x h x w from B x inner x h x w and B x code."""
        inner = self.conv1(functional.silu(self.norm1(x)))
        inner = inner + self.level(code)[:, :, None, None]
        inner = self.conv2(self.dropout(functional.silu(self.norm2(inner))))
        result: Tensor = inner + (x if self.shortcut is None else self.shortcut(x))
        return result if self.attention is None else self.attention(result)
