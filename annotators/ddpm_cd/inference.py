"""From pairs of any size to probabilities at their native size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from annotators.ddpm_cd.noise import NoiseSource
from imlbench.inference.canvas import Canvas
from imlbench.inference.grouping import groups, views_at_once
from imlbench.inference.input_policy import InputPolicy
from imlbench.inference.precision import precision

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from annotators.ddpm_cd.model import DdpmCd, StepNoise
    from imlbench.samples import Image, Pair


class Predictor:
    """A network with its noise and the policy of how it looks at pairs. Not safe to use from several threads at once.

    Args:
        network: diffusion model and head.
        policy: resize or tile, and the precision.
        device: where the network is moved to.
        seed: of the noise.
    """

    def __init__(self, network: DdpmCd, policy: InputPolicy, device: str = "cpu", seed: int = 0) -> None:
        self.network = network.to(device).eval()
        self.policy = policy
        self.device = device
        self.side = network.config.extractor.image_size
        self.at_once = views_at_once(device, self.side)
        """Views of one forward pass."""
        self.noise = NoiseSource(network.schedule, seed, self.side)

    def probabilities(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """One map per pair, H x W, float32 in [0, 1], at the edited image's size.

        A map follows from its pair, its id and the seed. It does not depend on the others in the batch: to the bit on
        the CPU, where pairs go one by one because a batch gains nothing there, and within the precision's rounding
        elsewhere.
        """
        canvases = [Canvas(pair.edited.shape, self.side, self.policy) for pair in pairs]
        for group in groups(canvases, self.at_once):
            original = [canvases[view.place].cut(pairs[view.place].original, view.tile) for view in group]
            edited = [canvases[view.place].cut(pairs[view.place].edited, view.tile) for view in group]
            samples = [(pairs[view.place].id, view.number) for view in group]
            for view, scores in zip(group, self._forward(original, edited, samples), strict=True):
                canvases[view.place].paste(view.tile, scores)
        return [canvas.result() for canvas in canvases]

    def _forward(
        self, original: Sequence[Image], edited: Sequence[Image], samples: Sequence[tuple[str, int]]
    ) -> list[NDArray[np.float32]]:
        """Probabilities of "edited": per view side x side, float32."""
        noise = self.network.step_noise(self.noise, samples)
        logits = self._logits(self._tensor(original), self._tensor(edited), noise, self.policy.precision)
        return list(logits.softmax(dim=1)[:, 1].cpu().numpy())

    def _logits(self, original: Tensor, edited: Tensor, noise: Sequence[StepNoise], name: str) -> Tensor:
        """B x 2 x side x side, float32. What half precision cannot hold is computed again in full."""
        with torch.inference_mode(), precision(self.device, name):
            seen = self.network.seen(original, edited, noise)
            logits: Tensor = self.network.head(*seen).float()
        values = [value for image in seen for step in image for value in step.values()]
        if name != "float32" and not all(bool(torch.isfinite(value).all()) for value in (*values, logits)):
            return self._logits(original, edited, noise, "float32")
        return logits

    def _tensor(self, images: Sequence[Image]) -> Tensor:
        """B x 3 x side x side, float32 in [-1, 1]."""
        # Bytes travel, not floats.
        pixels = torch.from_numpy(np.stack(images)).to(self.device)
        return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
