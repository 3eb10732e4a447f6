"""The Dice loss of a whole batch, which asks for a threshold of 0.5 by itself."""

from __future__ import annotations

from torch import Tensor


def batch_dice(scores: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """1 - (2 sum(p g) + 1) / (sum(p) + sum(g) + 1) over all pixels of a batch that count (Milletari et al. 2016).

    Its sums are not squared: where the network is in doubt, the squared form is least at scores that are all alike and
    below 0.5, and nothing is marked; this one is least where every pixel is at 0 or 1, as F1 at 0.5 wants it. Over the
    batch, since an image without an edit has no overlap that could grow.

    Args:
        scores: B x 1 x H x W, in [0, 1].
        mask: like `scores`.
        valid: like `scores`; 1 where a pixel's target counts, else 0.
    """
    p, g = scores.float() * valid, mask * valid
    return 1 - (2 * (p * g).sum() + 1) / (p.sum() + g.sum() + 1)
