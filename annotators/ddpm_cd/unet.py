"""The diffusion model: a U-Net that tells the noise in an image, and whose decoder's activations are the features.

Its shape is SR3's (Saharia et al., arXiv 2104.07636) without the condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, cat, nn
from torch.nn import functional

from annotators.ddpm_cd.blocks import NoiseCode, ResidualBlock
from annotators.ddpm_cd.config import ExtractorConfig


class EncoderLevel(nn.Module):
    """Residual blocks at one resolution, then half of it.

    Args:
        blocks: in order.
        width: channels at the end.
        last: whether nothing coarser follows.
    """

    def __init__(self, blocks: Sequence[ResidualBlock], width: int, last: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.shrink = None if last else nn.Conv2d(width, width, 3, stride=2, padding=1)


class DecoderLevel(nn.Module):
    """Residual blocks at one resolution, each with a map of the encoder's beside what comes in, then twice of it.

    Args:
        blocks: in order.
        width: channels at the end.
        last: whether nothing finer follows.
    """

    def __init__(self, blocks: Sequence[ResidualBlock], width: int, last: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.grow = None if last else nn.Conv2d(width, width, 3, padding=1)


class UNet(nn.Module):
    """The diffusion model.

    Args:
        config: its sizes.
    """

    def __init__(self, config: ExtractorConfig) -> None:
        super().__init__()
        self.config = config
        base = config.base_width
        block = partial(ResidualBlock, code=base, groups=config.norm_groups, dropout=config.dropout)
        self.noise_code = NoiseCode(base)
        self.stem = nn.Conv2d(3, base, 3, padding=1)
        coarsest = len(config.widths) - 1
        kept, width = [base], base
        encoder = []
        for level, outer in enumerate(config.widths):
            inner = [width] + [outer] * (config.blocks - 1)
            stack = [block(one, outer, attends=config.attends(level)) for one in inner]
            encoder.append(EncoderLevel(stack, outer, level == coarsest))
            kept += [outer] * (config.blocks + (level < coarsest))
            width = outer
        self.encoder = nn.ModuleList(encoder)
        self.middle = nn.ModuleList([block(width, width, attends=True), block(width, width, attends=False)])
        decoder = []
        for level in range(coarsest, -1, -1):
            outer = config.widths[level]
            inner = [width] + [outer] * config.blocks
            stack = [block(one + kept.pop(), outer, attends=config.attends(level)) for one in inner]
            decoder.append(DecoderLevel(stack, outer, level == 0))
            width = outer
        self.decoder = nn.ModuleList(decoder)
        self.out_norm = nn.GroupNorm(config.norm_groups, width)
        self.out_conv = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, images: Tensor, levels: Tensor) -> Tensor:
        """The noise that the network sees.

        Args:
            images: B x 3 x H x W, noised; H and W are multiples of the configuration's `multiple`.
            levels: B noise levels in (0, 1].

        Returns:
            B x 3 x H x W.
        """
        finest = self.activations(images, levels, (0,))[0]
        noise: Tensor = self.out_conv(functional.silu(self.out_norm(finest)))
        return noise

    def activations(self, images: Tensor, levels: Tensor, wanted: Sequence[int]) -> dict[int, Tensor]:
        """Decoder activations: what its residual blocks give, numbered from the finest, which is made last.

        Nothing is computed beyond the last one that is wanted.

        Args:
            images: B x 3 x H x W, noised.
            levels: B noise levels in (0, 1].
            wanted: numbers from 0 to `config.maps` - 1.

        Returns:
            Number -> B x width x H / s x W / s with the level's width and its stride s.
        """
        code = self.noise_code(levels)
        x, kept = self._encode(images, code)
        for block in self.middle:
            x = block(x, code)
        found: dict[int, Tensor] = {}
        number = self.config.maps
        for level in self.decoder:
            for block in level.blocks:  # type: ignore[union-attr]
                x = block(cat((x, kept.pop()), dim=1), code)
                number -= 1
                if number in wanted:
                    found[number] = x
                if number <= min(wanted):
                    return found
            if level.grow is not None:
                x = level.grow(functional.interpolate(x, scale_factor=2.0, mode="nearest"))  # type: ignore[operator]
        return found

    def _encode(self, images: Tensor, code: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The coarsest map, and all maps that the decoder takes back, in the order in which they were made."""
        x = self.stem(images)
        kept = [x]
        for level in self.encoder:
            for block in level.blocks:  # type: ignore[union-attr]
                x = block(x, code)
                kept.append(x)
            if level.shrink is not None:
                x = level.shrink(x)  # type: ignore[operator]
                kept.append(x)
        return x, kept
