"""Multi-head attention, and the way between feature maps and the tokens that attend."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from imlbench.backbones.encoder import Lattice


class Attention(nn.Module):
    """Multi-head attention of queries over other tokens, fused.

    Keys have no bias, since softmax does not see one, and values none, since the output's does its work.

    Args:
        width: channels C of queries, keys and values.
        heads: divides C.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.output = nn.Linear(width, width)

    def forward(self, queries: Tensor, others: Tensor) -> Tensor:
        """B x N x C and B x M x C -> B x N x C."""
        query = self._split(self.query(queries))
        key, value = (self._split(half) for half in self.key_value(others).chunk(2, dim=-1))
        mixed = functional.scaled_dot_product_attention(query, key, value)
        found: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return found

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


def to_tokens(level: Tensor) -> Tensor:
    """B x C x h x w -> B x (h w) x C, row by row."""
    return level.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, lattice: Lattice) -> Tensor:
    """B x (h w) x C -> B x C x h x w."""
    return tokens.reshape(len(tokens), *lattice, -1).permute(0, 3, 1, 2)


def limited(lattice: Lattice, limit: int) -> Lattice:
    """A lattice with no side above `limit`; 0 = no limit."""
    rows, columns = lattice
    return (min(rows, limit), min(columns, limit)) if limit else lattice


def resize(level: Tensor, lattice: Lattice) -> Tensor:
    """B x C x h x w -> B x C x rows x columns: means where a side shrinks, bilinear where one grows."""
    rows, columns = level.shape[2:]
    if (rows, columns) == lattice:
        return level
    shrunk = (min(rows, lattice[0]), min(columns, lattice[1]))
    if shrunk != (rows, columns):
        level = functional.adaptive_avg_pool2d(level, shrunk)
    if shrunk == lattice:
        return level
    return functional.interpolate(level, lattice, mode="bilinear", align_corners=False)


def pooled_tokens(tokens: Tensor, lattice: Lattice, limit: int) -> Tensor:
    """Tokens of a lattice, averaged down to one with no side above `limit`; 0 = as they are."""
    smaller = limited(lattice, limit)
    return tokens if smaller == lattice else to_tokens(resize(to_map(tokens, lattice), smaller))


def position_code(lattice: Lattice, width: int, cells: int, like: Tensor) -> Tensor:
    """Fixed sine and cosine code of a lattice's positions: 1 x (h w) x C, on the device and in the type of `like`.

    A quarter of the channels each for sine and cosine of row and of column, frequencies from 1 down to 1 / 10,000
    (Vaswani et al. 2017, section 3.5, on two axes). Positions are the cells' centres in units of a side / `cells`, so
    that a place in the image has the same code on every lattice.
    """
    exponents = torch.arange(width // 4, device=like.device, dtype=torch.float32) / (width // 4)
    frequencies = torch.exp(-math.log(10_000) * exponents)
    rows, columns = (
        (torch.arange(side, device=like.device, dtype=torch.float32) + 0.5)[:, None] * (cells / side) * frequencies
        for side in lattice
    )
    by_row, by_column = (torch.cat([angles.sin(), angles.cos()], dim=1) for angles in (rows, columns))
    code = torch.cat(
        [by_row[:, None].expand(-1, lattice[1], -1), by_column[None].expand(lattice[0], -1, -1)],
        dim=2,
    )
    return code.flatten(0, 1)[None].to(like.dtype)
