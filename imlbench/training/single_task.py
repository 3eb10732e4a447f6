"""The contract of a detector that is trained: a network, the losses of a batch, and scores of single images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from imlbench.training.items import planes
from imlbench.training.task import Network, Task
from imlbench.training.views import finish_image, whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image
    from imlbench.training.pairs import TrainingPair


class ImageTask(Task[Network]):
    """A detector's network and what it is trained by. `forward` gets the items of `single.ImageData`, stacked.

    A subclass gives `forward`, `export` and `scores`. What `single.ImageData` does not hold, such as JPEG
    coefficients, is added by data of its own, and for validation by overriding `judge_file`.

    Args:
        network: what is trained, frozen parts included; on the processor.
        side: images are validated at side x side, in pixels; 0 = at their own size.
        freeze_statistics: batch normalisation keeps its means and deviations.
    """

    def __init__(self, network: Network, side: int, freeze_statistics: bool = False) -> None:
        super().__init__(network, side)
        self.freeze_statistics = freeze_statistics

    @abstractmethod
    def scores(self, network: Network, images: Tensor) -> Tensor:
        """What a network says of images: B x 1 x h x w in [0, 1].

        Args:
            network: the average of `self.network`, in evaluation mode; no gradients are recorded.
            images: B x 3 x H x W, float32 in [0, 1], on the network's device.
        """

    def judge(self, network: Network, pixels: Image, device: torch.device) -> NDArray[np.float32]:
        """Scores of one image at its own size, for validation: H x W in [0, 1].

        Args:
            network: as `scores`.
            pixels: H x W x 3, uint8.
            device: the network's.
        """
        height, width = pixels.shape[:2]
        if self.side:
            image = planes(finish_image(pixels, whole(pixels.shape), self.side))
        else:
            image = torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float() / 255
        found = self.scores(network, image[None].to(device)).float()
        native = functional.interpolate(found, (height, width), mode="bilinear", align_corners=False)
        scores: NDArray[np.float32] = native[0, 0].cpu().numpy()
        return scores

    def judge_file(
        self, network: Network, image: TrainingPair, pixels: Image, device: torch.device
    ) -> NDArray[np.float32]:
        """As `judge`, for networks that see more of an image than its pixels.

        Args:
            network: as `scores`.
            image: with its file.
            pixels: what was decoded of it, H x W x 3, uint8.
            device: the network's.
        """
        return self.judge(network, pixels, device)

    def probabilities(self, network: Network, original: Tensor, edited: Tensor, ids: Sequence[str]) -> Tensor:
        return self.scores(network, edited)

    def train(self, mode: bool = True) -> ImageTask[Network]:
        """Training mode for all but the frozen parts, and statistics that are to stay as they are."""
        super().train(mode)
        if self.freeze_statistics:
            for part in self.network.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.eval()
        return self
