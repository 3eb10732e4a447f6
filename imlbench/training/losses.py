"""Losses that detectors are trained by, each with its source. Logits and targets are B x 1 x H x W, float32.

`valid` is 1 where a pixel's target counts and 0 where nothing is learned from it; targets may lie between 0 and 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from imlbench.training.dice import TINY, squared_dice


def mean_over(values: Tensor, valid: Tensor) -> Tensor:
    """The mean of the values that count; 0 where none does."""
    return (values * valid).sum() / valid.sum().clamp_min(1)


def binary_cross_entropy(logits: Tensor, mask: Tensor, valid: Tensor, edited: float = 1.0) -> Tensor:
    """Mean binary cross-entropy over the pixels that count (SparseViT, Mesorch, NFA-ViT).

    Args:
        logits: of "edited".
        mask: like `logits`.
        valid: like `logits`.
        edited: weight of an edited pixel, that of an authentic one being 1; the weights divide.
    """
    weights = valid * (1 + (edited - 1) * mask)
    return mean_over(functional.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none"), weights)


def weighted_cross_entropy(logits: Tensor, mask: Tensor, valid: Tensor, weights: tuple[float, float]) -> Tensor:
    """Cross-entropy of two classes, each pixel weighted by its class, over the sum of the weights.

    CAT-Net's weights are 0.5 for authentic and 2.5 for edited pixels; TruFor weights likewise.

    Args:
        logits: B x 2 x H x W, of authentic and edited.
        mask: B x 1 x H x W; a soft target is shared between the classes.
        valid: like `mask`.
        weights: of authentic and edited pixels.
    """
    told = functional.log_softmax(logits.float(), dim=1)
    authentic, edited = weights[0] * (1 - mask), weights[1] * mask
    losses = -(authentic * told[:, :1] + edited * told[:, 1:])
    return (losses * valid).sum() / ((authentic + edited) * valid).sum().clamp_min(TINY)


def edges(mask: Tensor, width: int) -> Tensor:
    """1 within about `width` / 2 pixels of a border between edited and not, else 0; B x 1 x H x W.

    A pixel lies on the edge where a cross of `width` pixels about it meets both (IML-ViT's edge masks).

    Args:
        mask: 0 to 1; 0.5 and above is edited.
        width: an odd number of pixels.
    """
    edited = (mask >= 0.5).to(mask.dtype)
    return crossed(edited, width) * crossed(1 - edited, width)


def crossed(mask: Tensor, width: int) -> Tensor:
    """Dilation by a cross: the largest value along a row or a column of `width` pixels."""
    reach = width // 2
    along = functional.max_pool2d(mask, (1, width), stride=1, padding=(0, reach))
    return torch.maximum(along, functional.max_pool2d(mask, (width, 1), stride=1, padding=(reach, 0)))


def edge_cross_entropy(logits: Tensor, mask: Tensor, valid: Tensor, width: int = 7) -> Tensor:
    """Binary cross-entropy that counts on the edges alone, averaged over all pixels (IML-ViT, there times 20)."""
    losses = functional.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none")
    return mean_over(losses * edges(mask, width), valid)


def balanced_cross_entropy(scores: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy in which edited and authentic pixels weigh the same in all (PSCC-Net).

    Args:
        scores: in [0, 1], after the network's own sigmoid.
        mask: like `scores`.
        valid: like `scores`.
    """
    edited = (mask >= 0.5).float() * valid
    authentic = valid - edited
    losses = functional.binary_cross_entropy(scores.float().clamp(TINY, 1 - TINY), mask, reduction="none")
    terms = [(losses * part).sum() / part.sum() for part in (edited, authentic) if part.any()]
    return torch.stack(terms).mean() if terms else (losses * 0).sum()


def image_cross_entropy(logits: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy of an image's logit against whether anything in it is edited.

    Args:
        logits: B.
        mask: B x 1 x H x W.
        valid: like `mask`.
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), labels(mask, valid))


def labels(mask: Tensor, valid: Tensor) -> Tensor:
    """Whether anything is edited in each of B images: 0 or 1, float32."""
    return ((mask >= 0.5) & (valid > 0)).flatten(1).any(dim=1).float()


def mvss(logits: Tensor, edge_logits: Tensor, mask: Tensor, valid: Tensor, width: int = 3) -> dict[str, Tensor]:
    """MVSS-Net's three terms (arXiv 2104.06832): 0.16 Dice of the mask, 0.04 of the image, 0.80 Dice of the edge.

    Args:
        logits: of the mask; the image's is their maximum.
        edge_logits: of the edge, B x 1 x h x w at the head's own size.
        mask: like `logits`.
        valid: like `logits`.
        width: of the edge, in the mask's pixels.
    """
    size = edge_logits.shape[2:]
    edge = functional.adaptive_max_pool2d(edges(mask, width), size)
    seen = functional.adaptive_max_pool2d(valid, size)
    return {
        "mask": squared_dice(logits.float().sigmoid(), mask, valid),
        "image": image_cross_entropy(logits.masked_fill(valid == 0, -1e4).flatten(1).amax(dim=1), mask, valid),
        "edge": squared_dice(edge_logits.float().sigmoid(), edge, seen),
    }


MVSS_WEIGHTS = {"mask": 0.16, "image": 0.04, "edge": 0.80}
