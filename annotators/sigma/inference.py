"""From pairs of any size to probabilities at their native size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from annotators.sigma.deblurring import sharpened
from imlbench.images import resize_image
from imlbench.inference.precision import precision
from imlbench.inference.resizing import at_native_size

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from annotators.sigma.network.model import Sigma
    from annotators.sigma.policy import InferencePolicy
    from imlbench.inference.sizes import Size
    from imlbench.samples import Image, Pair

    Prior = NDArray[np.float32]
    """h x w, float32 in (0, 1]."""

PriorOf = Callable[["Pair"], "Prior | None"]
"""The prior of a pair; None = nothing is known, the network's constant epsilon."""
PIXELS_AT_ONCE = 16 * 512 * 512
"""Network pixels of one forward pass on an accelerator."""


class View(NamedTuple):
    """A pair at one size of the network.

    Attributes:
        place: of the pair in the batch.
        size: height and width for the network.
    """

    place: int
    size: Size


class Predictor:
    """A network with the policy of how it looks at pairs. Deterministic; not safe to use from several threads at once.

    Memory: a forward pass sees one size of the policy, so that a native size of any number of pixels costs no more
    than the pair itself and its map, float32.

    Args:
        network: in evaluation mode.
        policy: the sizes.
        device: where the network is moved to.
        prior_of: the instruction's prior; None = nothing is ever known.
    """

    def __init__(
        self, network: Sigma, policy: InferencePolicy, device: str = "cpu", prior_of: PriorOf | None = None
    ) -> None:
        self.network = network.to(device).eval()
        self.policy = policy
        self.device = device
        self.prior_of = prior_of

    def probabilities(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """One map per pair, H x W, float32 in [0, 1], at the edited image's size.

        A map does not depend on the others in the batch: to the bit on the CPU, where pairs go one by one because a
        batch gains nothing there, and within bfloat16's rounding elsewhere.
        """
        sizes = [self.policy.sizes(pair.edited.shape[0], pair.edited.shape[1]) for pair in pairs]
        priors = [self.prior_of(pair) if self.prior_of else None for pair in pairs]
        maps: dict[View, NDArray[np.float32]] = {}
        for group in self._groups([View(place, size) for place, seen in enumerate(sizes) for size in seen]):
            members = [pairs[view.place] for view in group]
            found = self._forward(members, [priors[view.place] for view in group], group[0].size)
            maps.update(zip(group, found, strict=True))
        # In the policy's order, whatever the groups' was: sums of three depend on it.
        return [
            at_native_size([maps[View(place, size)] for size in seen], pair.edited.shape)
            for place, (pair, seen) in enumerate(zip(pairs, sizes, strict=True))
        ]

    def _groups(self, views: Sequence[View]) -> list[list[View]]:
        """Views of one size together, as many as a forward pass may hold."""
        groups: list[list[View]] = []
        for size in dict.fromkeys(view.size for view in views):
            alike = [view for view in views if view.size == size]
            most = 1 if self.device == "cpu" else max(1, PIXELS_AT_ONCE // (size[0] * size[1]))
            groups += [alike[start : start + most] for start in range(0, len(alike), most)]
        return groups

    def _forward(self, pairs: Sequence[Pair], priors: Sequence[Prior | None], size: Size) -> list[NDArray[np.float32]]:
        """Probabilities at one size: per pair h x w, float32."""
        import torch

        fitted = [self._fitted(pair, size) for pair in pairs]
        original, edited = (self._tensor(images) for images in zip(*fitted, strict=True))
        prior = self._prior(priors)
        with torch.inference_mode(), precision(self.device):
            probability = self.network(original, edited, prior).float().sigmoid()
            if self.policy.flips:
                mirrored = self.network(original.flip(3), edited.flip(3), None if prior is None else prior.flip(3))
                probability = (probability + mirrored.float().sigmoid().flip(3)) / 2
        return list(probability[:, 0].cpu().numpy())

    def _fitted(self, pair: Pair, size: Size) -> tuple[Image, Image]:
        """Both images at one size; a blur of one of them is taken back at the smaller of that and their own."""
        original, edited = pair.original, pair.edited
        if self.policy.undo_blur:
            if size[0] * size[1] < edited.shape[0] * edited.shape[1]:
                original, edited = fit(original, size), fit(edited, size)
            original, edited = sharpened(original, edited)
        return fit(original, size), fit(edited, size)

    def _tensor(self, images: Sequence[Image]) -> Tensor:
        """Images of one size: B x 3 x h x w, float32 in [0, 1]."""
        import torch

        # Bytes travel, not floats.
        pixels = torch.from_numpy(np.stack(images)).to(self.device)
        return pixels.permute(0, 3, 1, 2).float() / 255

    def _prior(self, priors: Sequence[Prior | None]) -> Tensor | None:
        """The batch's priors, B x 1 x h x w; None where nothing is known of any pair."""
        import torch

        known = [prior for prior in priors if prior is not None]
        if not known:
            return None
        constant = np.full(known[0].shape, self.network.config.prior_epsilon, np.float32)
        stacked = np.stack([constant if prior is None else prior for prior in priors])
        return torch.from_numpy(stacked)[:, None].to(self.device)


def fit(image: Image, size: Size) -> Image:
    """The image at a height and width; itself where it has them."""
    return image if image.shape[:2] == size else resize_image(image, size)
