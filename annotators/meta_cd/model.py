"""The whole network: two images to logits, semantic outputs and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, cat, nn
from torch.nn import functional

from annotators.meta_cd.change import ChangePath
from annotators.meta_cd.config import STRIDES, MetaCdConfig
from annotators.meta_cd.decoder import Decoder
from annotators.meta_cd.encoder import Encoders
from annotators.meta_cd.threshold import LearnedThreshold

FROZEN = "encoders.sam."
"""How the names of the frozen encoder's weights begin."""


class Seen(NamedTuple):
    """What the network says of B pairs.

    Attributes:
        logits: B x H x W, float32, of "edited".
        semantics: of original and edited: B x semantic x H/4 x W/4.
        thresholds: B x H x W in (0.2, 0.7), float32; None where none is learned.
    """

    logits: Tensor
    semantics: tuple[Tensor, Tensor]
    thresholds: Tensor | None

    @property
    def probabilities(self) -> Tensor:
        """B x H x W in [0, 1], float32."""
        return self.logits.sigmoid()


class MetaCd(nn.Module):
    """Meta-CD, or SAM-CD where the configuration says so.

    Args:
        config: the sizes.
        sam: the frozen encoder, from `fastsam.load_fastsam`; None where the configuration has none.

    Raises:
        ValueError: the frozen encoder is missing, or one too many.
    """

    def __init__(self, config: MetaCdConfig, sam: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoders = Encoders(config, sam)
        self.decoder = Decoder(config)
        self.semantics = nn.Conv2d(config.decoded, config.semantic, 1)
        self.change = ChangePath(config)
        self.threshold = LearnedThreshold(config) if config.threshold else None

    def forward(self, original: Tensor, edited: Tensor) -> Seen:
        """Both B x 3 x H x W, float32 in [0, 1] (bytes divided by 255, nothing more), sides multiples of 32."""
        # Both through the same weights, and in training through the same batch statistics.
        decoded = self.decoder(self.encoders(cat([original, edited])))
        semantic = self.semantics(decoded)
        before, after = decoded.chunk(2), semantic.chunk(2)
        compared, coarse = self.change((before[0], before[1]), (after[0], after[1]))
        logits = functional.interpolate(
            coarse.float(), scale_factor=float(STRIDES[0]), mode="bilinear", align_corners=False
        )
        thresholds = None if self.threshold is None else self.threshold(compared, logits.sigmoid())[:, 0]
        return Seen(logits[:, 0], (after[0], after[1]), thresholds)

    def own_state(self) -> dict[str, Tensor]:
        """All weights but the frozen encoder's, which are in a file and under a licence of their own."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith(FROZEN)}

    def load_own_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the tensors for weights, all of those that `own_state` names."""
        frozen = {name: value for name, value in self.state_dict().items() if name.startswith(FROZEN)}
        self.load_state_dict({**tensors, **frozen}, strict=True, assign=True)
