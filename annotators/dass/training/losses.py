"""The losses. Version 1's are not stated: these are the ones that `sigma`'s first stage has, for the same masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from imlbench.training.dice import smoothed_dice

if TYPE_CHECKING:
    from torch import Tensor


def segmentation_losses(logits: Tensor, mask: Tensor, dice_weight: float = 1.0) -> dict[str, Tensor]:
    """BCE over all pixels, and soft Dice per image: "bce", "dice", and "loss" = bce + dice_weight dice.

    Args:
        logits: B x 1 x H x W.
        mask: the same shape, float32, 1 = edited.
        dice_weight: 0 leaves Dice out of "loss".
    """
    bce = functional.binary_cross_entropy_with_logits(logits.float(), mask.float())
    dice = smoothed_dice(logits, mask)
    return {"loss": bce + dice_weight * dice, "bce": bce, "dice": dice}
