"""The whole network: a frozen diffusion model, and a change head over what its decoder sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from annotators.ddpm_cd.config import DdpmCdConfig
from annotators.ddpm_cd.head import ChangeHead
from annotators.ddpm_cd.noise import IMAGES, NoiseSource
from annotators.ddpm_cd.schedule import NoiseSchedule, noised
from annotators.ddpm_cd.unet import UNet


class StepNoise(NamedTuple):
    """What a batch of pairs is noised with at one step, the B originals first, then the B edited images.

    Attributes:
        levels: 2B noise levels in (0, 1], float32.
        noise: 2B x 3 x H x W, float32, standard normal.
    """

    levels: Tensor
    noise: Tensor


class DdpmCd(nn.Module):
    """Diffusion model and change head. The diffusion model stays frozen and in evaluation mode, whatever the head does.

    Args:
        config: the sizes.
        extractor: the diffusion model; None = a new one.
        head: the change head; None = a new one.
    """

    def __init__(self, config: DdpmCdConfig, extractor: UNet | None = None, head: ChangeHead | None = None) -> None:
        super().__init__()
        self.config = config
        self.schedule = NoiseSchedule(config.extractor)
        self.extractor = (extractor or UNet(config.extractor)).requires_grad_(False).eval()
        self.head = head or ChangeHead(config)

    def train(self, mode: bool = True) -> DdpmCd:
        """Training mode for the head alone: the diffusion model's dropout would change its features."""
        super().train(mode)
        self.extractor.eval()
        return self

    def forward(self, original: Tensor, edited: Tensor, noise: Sequence[StepNoise]) -> Tensor:
        """Logits of "as it was" and "edited": B x 2 x H x W.

        Args:
            original: B x 3 x H x W, float32 in [-1, 1].
            edited: like `original`.
            noise: one for each of the head's steps, from `step_noise`.
        """
        logits: Tensor = self.head(*self.seen(original, edited, noise))
        return logits

    def seen(
        self, original: Tensor, edited: Tensor, noise: Sequence[StepNoise]
    ) -> tuple[list[dict[int, Tensor]], list[dict[int, Tensor]]]:
        """What the head compares: the activations of the original images, by step, and those of the edited ones.

        Args:
            original: B x 3 x H x W, float32 in [-1, 1].
            edited: like `original`.
            noise: one for each of the head's steps, from `step_noise`.
        """
        images = torch.cat((original, edited))
        first, second = [], []
        for drawn in noise:
            found = self.features(images, drawn)
            first.append({number: value[: len(original)] for number, value in found.items()})
            second.append({number: value[len(original) :] for number, value in found.items()})
        return first, second

    @torch.no_grad()
    def features(self, images: Tensor, drawn: StepNoise) -> dict[int, Tensor]:
        """The decoder activations that the head compares, by number, without gradients."""
        levels = drawn.levels
        return self.extractor.activations(noised(images, levels, drawn.noise), levels, self.config.head.wanted)

    def step_noise(self, source: NoiseSource, samples: Sequence[tuple[str, int]]) -> list[StepNoise]:
        """The noise of B samples for every step of the head, on the network's device.

        Args:
            source: made from `schedule` and a seed.
            samples: id and view of each.
        """
        device = next(self.head.parameters()).device
        found = []
        for step in self.config.head.steps:
            drawn = [source.stacked(samples, image, step) for image in IMAGES]
            levels = torch.cat([torch.from_numpy(level) for level, _ in drawn]).to(device)
            noise = torch.cat([torch.from_numpy(values) for _, values in drawn]).to(device)
            found.append(StepNoise(levels, noise))
        return found
