"""The losses: of the change head, and of a diffusion model of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from annotators.ddpm_cd.schedule import noised

if TYPE_CHECKING:
    from annotators.ddpm_cd.model import DdpmCd
    from annotators.ddpm_cd.noise import NoiseSource
    from annotators.ddpm_cd.unet import UNet


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Pairs with their masks, on the network's device.

    Attributes:
        samples: id and epoch of each of B pairs, from which their noise follows.
        original: B x 3 x H x W, float32 in [-1, 1], at the network's size.
        edited: like `original`.
        mask: B x H x W, bool, True = edited.
    """

    samples: Sequence[tuple[str, int]]
    original: Tensor
    edited: Tensor
    mask: Tensor


def change_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of the two classes, the mean over all pixels of the batch.

    Args:
        logits: B x 2 x H x W, of "as it was" and "edited".
        mask: B x H x W, bool, True = edited.
    """
    return functional.cross_entropy(logits.float(), mask.long())


def head_loss(network: DdpmCd, batch: PairBatch, noise: NoiseSource) -> Tensor:
    """The loss of one batch, with gradients for the head alone.

    Args:
        network: in training mode.
        batch: pairs with masks; in another epoch a pair is seen through other noise.
        noise: follows from the recipe's seed.
    """
    drawn = network.step_noise(noise, batch.samples)
    return change_loss(network(batch.original, batch.edited, drawn), batch.mask)


def denoising_loss(extractor: UNet, images: Tensor, levels: Tensor, noise: Tensor) -> Tensor:
    """Mean squared error between the noise in images and the noise that the diffusion model sees (arXiv 2006.11239).

    Args:
        extractor: in training mode and not frozen.
        images: B x 3 x H x W, float32 in [-1, 1].
        levels: B noise levels in (0, 1], float32.
        noise: like `images`, standard normal.
    """
    return functional.mse_loss(extractor(noised(images, levels, noise), levels).float(), noise)
