"""The losses of both stages, each a pure function of tensors. Which of them the paper states: see the model card."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from imlbench.training.dice import smoothed_dice


def supervised_loss(logits: Tensor, target: Tensor, bce_weight: float = 1.0, dice_weight: float = 1.0) -> Tensor:
    """Stage I: a BCE + b soft Dice, the BCE's mean taken over all pixels.

    Args:
        logits: B x 1 x H x W.
        target: the same shape, in [0, 1].
        bce_weight: a.
        dice_weight: b.
    """
    bce = functional.binary_cross_entropy_with_logits(logits.float(), target.float())
    return bce_weight * bce + dice_weight * smoothed_dice(logits, target)


def zero_edit_loss(logits: Tensor) -> Tensor:
    """BCE against an all-zero target: mean of -log(1 - p) = log(1 + exp(logit)).

    Args:
        logits: B x 1 x H x W, of an original beside its own round trip.
    """
    return functional.softplus(logits.float()).mean()


def pseudo_label_loss(logits: Tensor, teacher: Tensor, confidence: float = 0.9) -> Tensor:
    """BCE against the teacher's decisions, over the pixels where it is sure; 0 where it is sure of none.

    sum(k BCE(logit, [q > 0.5])) / max(1, sum(k)), k = [max(q, 1 - q) >= confidence].

    Args:
        logits: the student's, B x 1 x H x W.
        teacher: its probabilities q, the same shape; no gradient flows into them.
        confidence: in [0.5, 1].
    """
    sure = teacher.detach().float()
    keep = (torch.maximum(sure, 1 - sure) >= confidence).float()
    bce = functional.binary_cross_entropy_with_logits(logits.float(), (sure > 0.5).float(), reduction="none")
    return (keep * bce).sum() / keep.sum().clamp(min=1)


def disentanglement_loss(
    edits: Sequence[Tensor], noises: Sequence[Tensor], teacher: Tensor, threshold: float = 0.5
) -> Tensor:
    """Mean of max(0, cos(d_edit, d_noise)) over the patches that the teacher calls edited, then over the levels.

    The levels are averaged with equal weights, so that a finer one does not outvote the others. 0 without support.

    Args:
        edits: difference vectors of the edited pairs, per level B x C x h x w.
        noises: those of the zero-edit pairs, the same shapes.
        teacher: B x 1 x H x W, probabilities; a patch counts where their mean over it is above `threshold`.
        threshold: in [0, 1].
    """
    levels = []
    for edit, noise in zip(edits, noises, strict=True):
        support = (
            functional.adaptive_avg_pool2d(teacher.detach().float(), (edit.shape[2], edit.shape[3]))[:, 0] > threshold
        )
        cosine = functional.cosine_similarity(edit.float(), noise.float(), dim=1)
        levels.append((cosine.clamp(min=0) * support).sum() / support.sum().clamp(min=1))
    return torch.stack(levels).mean()
