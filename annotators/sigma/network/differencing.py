"""Multi-scale differencing (MSDB): magnitude and direction of the change of normalised features, level by level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class LevelDifference(nn.Module):
    """d = GELU(LN(W [f_o ; f_e ; m ; c ; p])) at every position of one level; p, the pixels' own part, may be empty.

    Args:
        channels: D, the level's.
        width: C.
        rms: m and c times sqrt(D), which makes them of order one.
        pixels: channels of p.
    """

    def __init__(self, channels: int, width: int, rms: bool, pixels: int = 0) -> None:
        super().__init__()
        self.gain = channels**0.5 if rms else 1.0
        self.projection = nn.Linear(3 * channels + 1 + pixels, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, original: Tensor, edited: Tensor, pixels: Tensor | None = None) -> Tensor:
        """Two maps B x D x h x w, and perhaps p on the same lattice -> B x C x h x w."""
        stacked = difference_features(original, edited, self.gain)
        if pixels is not None:
            stacked = torch.cat([stacked, pixels.permute(0, 2, 3, 1)], dim=3)
        stacked = stacked.to(self.projection.weight.dtype)
        found: Tensor = functional.gelu(self.norm(self.projection(stacked)))
        return found.permute(0, 3, 1, 2)


class Differencing(nn.Module):
    """A `LevelDifference` for each level, with weights of its own; the shallowest one's also sees the pixels' part."""

    def __init__(self, channels: Sequence[int], width: int, rms: bool, pixels: int = 0) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            LevelDifference(depth, width, rms, 0 if number else pixels) for number, depth in enumerate(channels)
        )

    def forward(
        self, original: Sequence[Tensor], edited: Sequence[Tensor], pixels: Tensor | None = None
    ) -> list[Tensor]:
        """Per level two maps B x D x h x w, and the pixels' part on the first one's lattice -> B x C x h x w."""
        parts = enumerate(zip(self.levels, original, edited, strict=True))
        return [level(before, after, None if number else pixels) for number, (level, before, after) in parts]


def difference_features(original: Tensor, edited: Tensor, gain: float = 1.0) -> Tensor:
    """[f_o ; f_e ; m ; c] per position, in float32.

    With n = f / |f|: m = |n_e - n_o| per channel, c = 1 - <n_o, n_e>.

    Args:
        original: B x D x h x w.
        edited: B x D x h x w.
        gain: factor on m and c.

    Returns:
        B x h x w x (3 D + 1).
    """
    before, after = (level.float().permute(0, 2, 3, 1) for level in (original, edited))
    unit_before, unit_after = functional.normalize(before, dim=3), functional.normalize(after, dim=3)
    magnitude = (unit_after - unit_before).abs()
    direction = 1 - (unit_before * unit_after).sum(3, keepdim=True)
    return torch.cat([before, after, magnitude * gain, direction * gain], dim=3)
