"""From pairs of any size to maps of distances at their native size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from imlbench.images import resize_image
from imlbench.inference.resizing import at_native_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.inference.sizes import Size, SizePolicy
    from imlbench.samples import Image, Pair

PIXELS_AT_ONCE = 16 * 512 * 512
"""Network pixels of one forward pass on an accelerator."""


class DistanceMaps:
    """A network that compares two images, and the size at which it sees them. Deterministic.

    Args:
        network: two batches B x 3 x h x w, float32 in [0, 1], to distances B x h' x w' in [0, 1].
        policy: with a single size for a pair.
        device: where the network is moved to.
    """

    def __init__(self, network: torch.nn.Module, policy: SizePolicy, device: str = "cpu") -> None:
        self.network = network.to(device).eval()
        self.policy = policy
        self.device = device

    def of(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """One map per pair, H x W, float32 in [0, 1], at the edited image's size.

        A map does not depend on the others in the batch: to the bit on the CPU, where pairs go one by one, and within
        the precision's rounding elsewhere.
        """
        sizes = [self.policy.sizes(pair.edited.shape[0], pair.edited.shape[1])[0] for pair in pairs]
        maps: dict[int, NDArray[np.float32]] = {}
        for size in dict.fromkeys(sizes):
            alike = [place for place, other in enumerate(sizes) if other == size]
            most = 1 if self.device == "cpu" else max(1, PIXELS_AT_ONCE // (size[0] * size[1]))
            for start in range(0, len(alike), most):
                places = alike[start : start + most]
                maps.update(zip(places, self._forward([pairs[place] for place in places], size), strict=True))
        return [at_native_size([maps[place]], pair.edited.shape) for place, pair in enumerate(pairs)]

    def _forward(self, pairs: Sequence[Pair], size: Size) -> list[NDArray[np.float32]]:
        """Distances at one size: per pair h' x w', float32."""
        original = self._tensor([pair.original for pair in pairs], size)
        edited = self._tensor([pair.edited for pair in pairs], size)
        with torch.inference_mode():
            return list(self.network(original, edited).float().cpu().numpy())

    def _tensor(self, images: Sequence[Image], size: Size) -> torch.Tensor:
        """Images at one size: B x 3 x h x w, float32 in [0, 1]."""
        fitted = [image if image.shape[:2] == size else resize_image(image, size) for image in images]
        # Bytes travel, not floats.
        pixels = torch.from_numpy(np.stack(fitted)).to(self.device)
        return pixels.permute(0, 3, 1, 2).float() / 255
