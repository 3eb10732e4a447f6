"""The change path: both images' decoded maps as one map of what changed."""

from __future__ import annotations

from torch import Tensor, cat, nn
from torch.nn import functional

from annotators.meta_cd.blocks import ResidualBlock, convolution
from annotators.meta_cd.config import MetaCdConfig


class SemanticAttention(nn.Module):
    """Weights in (0, 1) for the compared channels, from both images' semantic outputs, at every position of its own.

    "From the 16 semantic channels (reduction 4, sigmoid)" is the description; that it is not pooled over the image is
    a choice of this project's.

    Args:
        config: the sizes.
    """

    def __init__(self, config: MetaCdConfig) -> None:
        super().__init__()
        inner = 2 * config.semantic
        self.reduce = nn.Conv2d(inner, max(1, inner // config.reduction), 1)
        self.expand = nn.Conv2d(max(1, inner // config.reduction), config.compared, 1)

    def forward(self, semantics: Tensor) -> Tensor:
        """B x compared x h x w from B x 2 * semantic x h x w."""
        weights: Tensor = self.expand(functional.relu(self.reduce(semantics))).sigmoid()
        return weights


class ChangePath(nn.Module):
    """Residual blocks over both decoded maps, a narrow map weighted by the semantic outputs, and one logit.

    Args:
        config: the sizes.
    """

    def __init__(self, config: MetaCdConfig) -> None:
        super().__init__()
        width = 2 * config.decoded
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(config.change_blocks)))
        self.narrow = convolution(width, config.compared, 1)
        self.attention = SemanticAttention(config)
        self.logit = nn.Conv2d(config.compared, 1, 1)

    def forward(self, decoded: tuple[Tensor, Tensor], semantics: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """What changed, at stride 4.

        Args:
            decoded: of original and edited, each B x decoded x h x w.
            semantics: of original and edited, each B x semantic x h x w.

        Returns:
            Compared features B x compared x h x w, and logits B x 1 x h x w.
        """
        compared = self.narrow(self.blocks(cat(decoded, dim=1))) * self.attention(cat(semantics, dim=1))
        return compared, self.logit(compared)
