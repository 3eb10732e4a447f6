"""The losses, each the mean over pixels of the batch, all of weight one."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from annotators.meta_cd.model import Seen
from annotators.meta_cd.threshold import step

TEMPERATURE = 3.0


def change_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy of the change map.

    Args:
        logits: B x H x W, of "edited".
        mask: B x H x W, float32, of 0 and 1.
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), mask)


def similarity_loss(semantics: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
    """1 - cosine of the two images' semantic outputs, over the pixels that did not change; 0 where all did.

    The outputs are enlarged bilinearly to the mask, and each pixel's channels made a distribution by softmax(x / 3).

    Args:
        semantics: of original and edited, each B x C x h x w.
        mask: B x H x W, float32, of 0 and 1.
    """
    before, after = (
        functional.interpolate(one.float(), mask.shape[-2:], mode="bilinear", align_corners=False).div(TEMPERATURE)
        for one in semantics
    )
    distances = 1 - functional.cosine_similarity(before.softmax(dim=1), after.softmax(dim=1), dim=1)
    unchanged = 1 - mask
    return (distances * unchanged).sum() / unchanged.sum().clamp(min=1)


def binary_loss(probabilities: Tensor, thresholds: Tensor, mask: Tensor) -> Tensor:
    """|binary map - mask|, which trains the thresholds through the straight-through step.

    Args:
        probabilities: B x H x W in [0, 1].
        thresholds: B x H x W.
        mask: B x H x W, float32, of 0 and 1.
    """
    return functional.l1_loss(step(probabilities, thresholds), mask)


def all_losses(seen: Seen, mask: Tensor) -> dict[str, Tensor]:
    """Each loss by name, and their sum as "loss"; "binary" only where thresholds are learned.

    Args:
        seen: what the network says.
        mask: B x H x W, float32, of 0 and 1.
    """
    parts = {"bce": change_loss(seen.logits, mask), "similarity": similarity_loss(seen.semantics, mask)}
    if seen.thresholds is not None:
        parts["binary"] = binary_loss(seen.probabilities, seen.thresholds, mask)
    return {"loss": sum(parts.values(), start=mask.new_zeros(())), **parts}
