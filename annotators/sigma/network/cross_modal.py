"""Bidirectional cross-modal refinement (BCMR): visual evidence and prior read each other, then agree."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from annotators.sigma.network.attention import Attention, pooled_tokens, position_code, to_map, to_tokens
from annotators.sigma.network.config import SigmaConfig
from imlbench.backbones.encoder import Lattice


class RefinementStep(nn.Module):
    """V <- V + MHA(V over T), then T <- T + MHA(T over the V just updated); pre-norm.

    The position code is added to the normalised inputs: without it V's update would not depend on where the prior lies.
    """

    def __init__(self, config: SigmaConfig) -> None:
        super().__init__()
        width, self.key_limit = config.width, config.key_lattice
        self.visual_query_norm, self.prior_key_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.prior_query_norm, self.visual_key_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.visual_attention = Attention(width, config.heads)
        self.prior_attention = Attention(width, config.heads)

    def forward(self, visual: Tensor, prior: Tensor, lattice: Lattice, code: Tensor) -> tuple[Tensor, Tensor]:
        """Visual and prior tokens, B x N x C each, of one lattice."""
        keys = pooled_tokens(self.prior_key_norm(prior) + code, lattice, self.key_limit)
        visual = visual + self.visual_attention(self.visual_query_norm(visual) + code, keys)
        keys = pooled_tokens(self.visual_key_norm(visual) + code, lattice, self.key_limit)
        prior = prior + self.prior_attention(self.prior_query_norm(prior) + code, keys)
        return visual, prior


class CrossModalRefinement(nn.Module):
    """All steps, each with weights of its own, and the consensus Z, a 1 x 1 convolution over both streams."""

    def __init__(self, config: SigmaConfig) -> None:
        super().__init__()
        self.config = config
        self.steps = nn.ModuleList(RefinementStep(config) for _ in range(config.bcmr_steps))
        self.consensus = nn.Conv2d(2 * config.width, config.width, 1)

    def forward(self, visual: Tensor, prior: Tensor) -> Tensor:
        """Visual evidence V0 and prior T0, B x C x h x w each -> consensus Z, B x C x h x w."""
        lattice = (visual.shape[2], visual.shape[3])
        states = to_tokens(visual), to_tokens(prior)
        code = position_code(lattice, self.config.width, self.config.position_cells, states[0])
        for step in self.steps:
            states = step(*states, lattice, code)
        found: Tensor = self.consensus(torch.cat([to_map(tokens, lattice) for tokens in states], dim=1))
        return found
