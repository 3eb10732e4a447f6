"""From pairs of any size to probabilities at their native size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from annotators.dass.config import InputPolicy
from imlbench.images import resize_image
from imlbench.inference.precision import precision
from imlbench.inference.resizing import at_native_size

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from annotators.dass.model import Dass
    from imlbench.samples import Image, Pair

PIXELS_AT_ONCE = 8 * 1024 * 1024
"""Network pixels of a forward pass on an accelerator."""
Size = tuple[int, int]
"""Height and width in pixels."""


class Predictor:
    """A network with the policy of how it looks at pairs. Deterministic; not safe to use from several threads at once.

    Memory: a forward pass sees the policy's size, so that a native size of any number of pixels costs no more than the
    pair itself and its map, float32.

    Args:
        network: in evaluation mode.
        policy: the size, and whether flips are averaged.
        device: where the network is moved to.
    """

    def __init__(self, network: Dass, policy: InputPolicy, device: str = "cpu") -> None:
        self.network = network.to(device).eval()
        self.policy = policy
        self.device = device
        # Pairs go one by one on a processor: a batch gains nothing there, and each map is then the same to the bit.
        self.at_once = 1 if torch.device(device).type == "cpu" else PIXELS_AT_ONCE
        """Network pixels of one forward pass; a pair that alone has more goes alone."""

    def probabilities(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """One map per pair, H x W, float32 in [0, 1], at the edited image's size.

        A map does not depend on the others in the batch: to the bit on the CPU, within bfloat16's rounding elsewhere.
        """
        sizes = [self.policy.size(pair.edited.shape[0], pair.edited.shape[1]) for pair in pairs]
        maps: dict[int, NDArray[np.float32]] = {}
        for group in self._groups(sizes):
            members = [pairs[place] for place in group]
            maps.update(zip(group, self._forward(members, sizes[group[0]]), strict=True))
        return [at_native_size([maps[place]], pair.edited.shape) for place, pair in enumerate(pairs)]

    def _groups(self, sizes: Sequence[Size]) -> list[list[int]]:
        """Places of pairs of one size together, as many as a forward pass may hold."""
        groups: list[list[int]] = []
        for size in dict.fromkeys(sizes):
            alike = [place for place, one in enumerate(sizes) if one == size]
            most = max(1, self.at_once // (size[0] * size[1]))
            groups += [alike[first : first + most] for first in range(0, len(alike), most)]
        return groups

    def _forward(self, pairs: Sequence[Pair], size: Size) -> list[NDArray[np.float32]]:
        """Probabilities at one size: per pair h x w, float32."""
        original = self._tensor([pair.original for pair in pairs], size)
        edited = self._tensor([pair.edited for pair in pairs], size)
        logits = self.network.flipped if self.policy.flips else self.network
        # The difference of the images and the logits are float32 everywhere.
        with torch.inference_mode(), precision(self.device):
            probability: Tensor = logits(original, edited).sigmoid()
        return list(probability[:, 0].cpu().numpy())

    def _tensor(self, images: Sequence[Image], size: Size) -> Tensor:
        """Images at one size: B x 3 x h x w, float32 in [0, 1]."""
        fitted = [image if image.shape[:2] == size else resize_image(image, size) for image in images]
        # Bytes travel, not floats.
        pixels = torch.from_numpy(np.stack(fitted)).to(self.device)
        return pixels.permute(0, 3, 1, 2).float() / 255
