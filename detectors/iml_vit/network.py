"""IML-ViT's network, borrowed, in the kinds that its authors trained, which differ in the head's normalisation.

Batch and instance normalisation have the same names and shapes, and compute the same once training is over, since the
authors' instance normalisation keeps running statistics. Layer normalisation has other names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from detectors.borrowed import network_module, quietly, require

if TYPE_CHECKING:
    from torch import Tensor, nn

FINGERPRINTS = {
    "BN": "afabc4a38291101aa4e2f8e4aa031fb422615e2666a0715c53df0fada421540a",
    "IN": "afabc4a38291101aa4e2f8e4aa031fb422615e2666a0715c53df0fada421540a",
    "LN": "34d2806f9781c77e450a02f8174302e2b5fe6dd89becb2bf24d8c39207ca9bb2",
}
RUNNING_MEAN = "predict_head.norm.running_mean"
PUBLISHED_SIDE = 1024


def build(norm: str = "BN", side: int = PUBLISHED_SIDE) -> nn.Module:
    """The network with random weights, in evaluation mode.

    Args:
        norm: of the head: "BN" (batch), "IN" (instance) or "LN" (layer).
        side: of its input, in pixels; the published networks have 1024.

    Raises:
        UserError: the package is missing, or has another network.
    """
    module = network_module("iml_vit.iml_vit")

    with quietly():
        network: nn.Module = module.IML_ViT(input_size=side, predict_head_norm=norm)
    if side == PUBLISHED_SIDE:
        require(network, FINGERPRINTS[norm], "iml-vit")
    return network.eval()


def norm_of(tensors: Mapping[str, Any]) -> str:
    """The head's normalisation as names tell it, which is enough to apply it: layer normalisation keeps no mean.

    Args:
        tensors: of a checkpoint, with or without DataParallel's prefix.
    """
    return "BN" if any(name.endswith(RUNNING_MEAN) for name in tensors) else "LN"


def probabilities(network: nn.Module, batch: Tensor) -> Tensor:
    """B x H x W in [0, 1] from B x 3 x H x W: the head's logits at a quarter, enlarged, then their sigmoid."""
    import torch

    logits: Tensor = network.forward_features(batch)  # type: ignore[operator]
    logits = torch.nn.functional.interpolate(logits, size=batch.shape[2:], mode="bilinear", align_corners=False)
    return logits.sigmoid()[:, 0]
