"""Difference refinement blocks (DRB): each level attends to itself, then to all levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from annotators.sigma.network.attention import (
    Attention,
    limited,
    pooled_tokens,
    position_code,
    resize,
    to_map,
    to_tokens,
)
from annotators.sigma.network.config import SigmaConfig
from imlbench.backbones.encoder import Lattice


class WithinLevel(nn.Module):
    """Pre-norm self-attention of one level's tokens."""

    def __init__(self, config: SigmaConfig) -> None:
        super().__init__()
        self.key_limit = config.key_lattice
        self.norm = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads)

    def forward(self, tokens: Tensor, lattice: Lattice, code: Tensor) -> Tensor:
        """B x N x C -> B x N x C."""
        normed = self.norm(tokens) + code
        updated: Tensor = tokens + self.attention(normed, pooled_tokens(normed, lattice, self.key_limit))
        return updated


class AcrossLevels(nn.Module):
    """Attention of one level's tokens over those of all levels, then a feed-forward network."""

    def __init__(self, config: SigmaConfig) -> None:
        super().__init__()
        width = config.width
        self.attention = Attention(width, config.heads)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, config.ffn_ratio * width),
            nn.GELU(),
            nn.Linear(config.ffn_ratio * width, width),
        )

    def forward(self, tokens: Tensor, normed: Tensor, keys: Tensor) -> Tensor:
        """Tokens and their normalised copy B x N x C, normalised keys of all levels B x M x C -> B x N x C."""
        tokens = tokens + self.attention(normed, keys)
        updated: Tensor = tokens + self.feed_forward(tokens)
        return updated


class RefinementBlock(nn.Module):
    """One DRB over all levels, each with weights of its own."""

    def __init__(self, config: SigmaConfig, levels: int) -> None:
        super().__init__()
        self.key_limit = config.key_lattice
        self.within = nn.ModuleList(WithinLevel(config) for _ in range(levels))
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(levels))
        self.across = nn.ModuleList(AcrossLevels(config) for _ in range(levels))

    def forward(self, states: list[Tensor], lattices: Sequence[Lattice], codes: Sequence[Tensor]) -> list[Tensor]:
        """Per level B x N x C -> B x N x C."""
        states = [part(*level) for part, *level in zip(self.within, states, lattices, codes, strict=True)]
        normed = [norm(state) + code for norm, state, code in zip(self.norms, states, codes, strict=True)]
        pooled = [pooled_tokens(level, at, self.key_limit) for level, at in zip(normed, lattices, strict=True)]
        keys = torch.cat(pooled, dim=1)
        return [part(*level, keys) for part, *level in zip(self.across, states, normed, strict=True)]


class DifferenceRefinement(nn.Module):
    """All DRBs. A level finer than the attention's limit is refined on a pooled copy, whose change is added to it."""

    def __init__(self, config: SigmaConfig, levels: int) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(RefinementBlock(config, levels) for _ in range(config.drbs))

    def forward(self, differences: list[Tensor]) -> list[Tensor]:
        """Per level B x C x h x w -> B x C x h x w."""
        if not self.blocks:
            return differences
        lattices = [limited((level.shape[2], level.shape[3]), self.config.attention_lattice) for level in differences]
        pooled = [resize(level, lattice) for level, lattice in zip(differences, lattices, strict=True)]
        states = [to_tokens(level) for level in pooled]
        codes = [self._code(lattice, state) for lattice, state in zip(lattices, states, strict=True)]
        for block in self.blocks:
            states = block(states, lattices, codes)
        refined = [to_map(state, lattice) for state, lattice in zip(states, lattices, strict=True)]
        return [_carry_over(*parts) for parts in zip(differences, pooled, refined, strict=True)]

    def _code(self, lattice: Lattice, like: Tensor) -> Tensor:
        if not self.config.drb_position_code:
            return like.new_zeros(())
        return position_code(lattice, self.config.width, self.config.position_cells, like)


def _carry_over(fine: Tensor, pooled: Tensor, refined: Tensor) -> Tensor:
    if fine is pooled:
        return refined
    return fine + resize(refined - pooled, (fine.shape[2], fine.shape[3]))
