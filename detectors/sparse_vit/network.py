"""SparseViT's network, borrowed, with the names of its authors' checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detectors.borrowed import network_module, quietly, require

if TYPE_CHECKING:
    from torch import Tensor, nn

FINGERPRINT = "209cec705e67f7f638a65cf4dc89dddeba87890665ed5873b47aba51e22031f8"


def build() -> nn.Module:
    """The network with random weights, in evaluation mode; its input is 512 x 512 and nothing else.

    Raises:
        UserError: the package is missing, or has another network.
    """
    module = network_module("sparse_vit.sparse_vit")

    with quietly():
        network: nn.Module = module.SparseViT()
    require(network, FINGERPRINT, "sparse-vit")
    return network.eval()


def probabilities(network: Any, batch: Tensor) -> Tensor:
    """B x 512 x 512 in [0, 1] from B x 3 x 512 x 512: logits of the fused features, enlarged, then their sigmoid."""
    import torch

    logits = network.lmu(list(network.encoder_net(batch).values()))
    enlarged = torch.nn.functional.interpolate(logits, size=batch.shape[2:], mode="bilinear", align_corners=False)
    return enlarged.sigmoid()[:, 0]
