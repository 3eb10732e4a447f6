"""From pairs of any size to scores at their native size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from annotators.meta_cd.decision import decided
from imlbench.inference.canvas import Canvas
from imlbench.inference.grouping import groups, views_at_once
from imlbench.inference.precision import precision

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from annotators.meta_cd.model import MetaCd, Seen
    from imlbench.inference.input_policy import InputPolicy
    from imlbench.samples import Image, Pair


class Predictor:
    """A network and the policy of how it looks at pairs. Nothing is drawn: equal pairs give equal maps.

    Args:
        network: from a file.
        policy: resize or tile, and the precision.
        device: where the network is moved to.
    """

    def __init__(self, network: MetaCd, policy: InputPolicy, device: str = "cpu") -> None:
        self.network = network.to(device).eval()
        self.policy = policy
        self.device = device
        self.side = network.config.image_size
        self.at_once = views_at_once(device, self.side)
        """Views of one forward pass."""

    def scores(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        """One map per pair, H x W, float32 in [0, 1], at the edited image's size; edited where it is at least 0.5.

        A map does not depend on the others in the batch: to the bit on the CPU, where pairs go one by one because a
        batch gains nothing there, and within the precision's rounding elsewhere.
        """
        canvases = [Canvas(pair.edited.shape, self.side, self.policy) for pair in pairs]
        for group in groups(canvases, self.at_once):
            original = [canvases[view.place].cut(pairs[view.place].original, view.tile) for view in group]
            edited = [canvases[view.place].cut(pairs[view.place].edited, view.tile) for view in group]
            seen = self._seen(self._tensor(original), self._tensor(edited), self.policy.precision)
            found = decided(seen.probabilities, seen.thresholds).cpu().numpy()
            for view, scores in zip(group, found, strict=True):
                canvases[view.place].paste(view.tile, scores)
        return [canvas.result() for canvas in canvases]

    def _seen(self, original: Tensor, edited: Tensor, name: str) -> Seen:
        """What half precision cannot hold is computed again in full."""
        with torch.inference_mode(), precision(self.device, name):
            seen: Seen = self.network(original, edited)
        values = [seen.logits, *seen.semantics, *([] if seen.thresholds is None else [seen.thresholds])]
        if name != "float32" and not all(bool(torch.isfinite(value).all()) for value in values):
            return self._seen(original, edited, "float32")
        return seen

    def _tensor(self, images: Sequence[Image]) -> Tensor:
        """B x 3 x side x side, float32 in [0, 1]."""
        # Bytes travel, not floats.
        pixels = torch.from_numpy(np.stack(images)).to(self.device)
        return pixels.permute(0, 3, 1, 2).float() / 255
