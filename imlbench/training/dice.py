"""Forms of the Dice loss, which differ in their numbers: a method keeps the one that it was made with."""

from __future__ import annotations

from torch import Tensor

TINY = 1e-6


def squared_dice(scores: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """1 - 2 sum(p g) / (sum(p^2) + sum(g^2)), per image, then the mean over the images (MVSS-Net, TruFor).

    An image without an edit has a loss of up to 1: its scores are pushed to 0.

    Args:
        scores: in [0, 1], B x 1 x H x W.
        mask: like `scores`.
        valid: like `scores`; 1 where a pixel's target counts, else 0.
    """
    p, g = (scores.float() * valid).flatten(1), (mask * valid).flatten(1)
    shared, both = (p * g).sum(dim=1), (p * p).sum(dim=1) + (g * g).sum(dim=1)
    return (1 - (2 * shared + TINY) / (both + TINY)).mean()


def smoothed_dice(logits: Tensor, target: Tensor) -> Tensor:
    """1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1), p = sigmoid(logits), per image, then the mean.

    The ones keep an empty target defined: it costs 1 - 1 / (sum(p) + 1) (Milletari et al. 2016, smoothed).

    Args:
        logits: B x 1 x H x W.
        target: the same shape, in [0, 1].
    """
    probability = logits.float().sigmoid().flatten(1)
    truth = target.float().flatten(1)
    both = (probability * truth).sum(1)
    return (1 - (2 * both + 1) / (probability.sum(1) + truth.sum(1) + 1)).mean()


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
