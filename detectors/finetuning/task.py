"""A borrowed network with its authors' loss, seen in training and validation as the detector sees it.

That is at the network's square, or at the images' own size.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from detectors.arrays import IMAGENET_DEVIATION, IMAGENET_MEAN
from imlbench.adapters import Picture
from imlbench.errors import UserError
from imlbench.training.items import Batch
from imlbench.training.single_task import ImageTask
from imlbench.weights.own import not_finite, write_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.finetuning.methods import Method
    from imlbench.samples import Image
    from imlbench.training.single_recipe import ImageRecipe


class BorrowedTask(ImageTask[nn.Module]):
    """A network by its authors' loss; a subclass says what it is shown.

    Args:
        network: on the processor; every part asks for gradients.
        side: images are validated at side x side, in pixels; 0 = at their own size.
        recipe: says whether statistics are frozen.
        method: how it is seen and trained.
    """

    def __init__(self, network: nn.Module, side: int, recipe: ImageRecipe, method: Method) -> None:
        super().__init__(network, side, recipe.freeze_statistics)
        self.terms = method.terms
        self.method = method
        for part in self.frozen():
            part.requires_grad_(False)

    def frozen(self) -> tuple[nn.Module, ...]:
        return tuple(self.network.get_submodule(name) for name in self.method.frozen)

    @abstractmethod
    def prepared(self, images: Tensor) -> Tensor:
        """What the network is shown of B x 3 x S x S in [0, 1], red, green, blue."""

    def shown(self, batch: Batch) -> Any:
        """What the network is shown of a batch, as the method's `logits` take it."""
        return self.prepared(batch["image"])

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.method.logits(self.network, self.shown(batch))
        return self.method.loss(logits, batch["mask"], batch["valid"])

    def scores(self, network: nn.Module, images: Tensor) -> Tensor:
        return self.method.logits(network, self.prepared(images))["mask"].sigmoid()

    def export(self, path: Path, network: nn.Module, facts: Mapping[str, Any]) -> None:
        """The network's tensors under its authors' names, which is what the detector reads."""
        state = network.state_dict()
        if name := not_finite(state):
            raise UserError(f"{path}: {name}: NaN or infinity among the weights; lower learning_rate")
        write_own(path, state, {"format": f"imlbench-{self.method.name}", "facts": dict(facts)})

    def detected(self, network: nn.Module, picture: Picture, device: torch.device) -> NDArray[np.float32]:
        """What the detector itself says over the network: H x W in [0, 1]."""
        detector = self.method.detector()(str(device), network=network)
        return as_scores(detector.detect([picture])[0].score_map)


class SquareTask(BorrowedTask):
    """A network that sees a square with ImageNet's statistics.

    Args:
        network: on the processor.
        recipe: its last size is the square's side.
        method: how it is seen and trained.
    """

    def __init__(self, network: nn.Module, recipe: ImageRecipe, method: Method) -> None:
        super().__init__(network, recipe.sizes[-1], recipe, method)

    def prepared(self, images: Tensor) -> Tensor:
        """Images with ImageNet's statistics, which stay in their order whatever that of the colours is."""
        ordered = images.flip(1) if self.method.bgr else images
        mean, deviation = (ordered.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        return (ordered - mean) / deviation

    def judge(self, network: nn.Module, pixels: Image, device: torch.device) -> NDArray[np.float32]:
        """By the detector's own preparation and output rule."""
        rules: Any = self.method.detector()
        batch = torch.from_numpy(rules.prepared(pixels))[None].to(device)
        logits = self.method.logits(network, batch)["mask"]
        height, width = pixels.shape[:2]
        found: Any = rules.finished(logits.float().sigmoid()[0, 0].cpu().numpy(), (height, width))
        return as_scores(found)


class NativeTask(BorrowedTask):
    """A network that sees images at their own size: crops in training, whole images and tiles in validation.

    Args:
        network: on the processor.
        recipe: its sizes are those of the crops.
        method: how it is seen and trained.
    """

    def __init__(self, network: nn.Module, recipe: ImageRecipe, method: Method) -> None:
        super().__init__(network, 0, recipe, method)

    def prepared(self, images: Tensor) -> Tensor:
        return images * self.method.scale

    def judge(self, network: nn.Module, pixels: Image, device: torch.device) -> NDArray[np.float32]:
        """By the detector itself."""
        return self.detected(network, Picture("", pixels), device)


def as_scores(found: Any) -> NDArray[np.float32]:
    """A map in [0, 1], float32, of scores or of levels."""
    scores: NDArray[np.float32] = found / np.float32(255) if found.dtype == np.uint8 else found
    return scores
