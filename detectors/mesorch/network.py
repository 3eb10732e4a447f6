"""Mesorch's network, borrowed, with the names of its authors' `mesorch-98.pth`; the package lacks the pruned one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detectors.borrowed import network_module, quietly, require

if TYPE_CHECKING:
    from torch import Tensor, nn

FINGERPRINT = "42c582a52d6e0b9682b3de361700be6ad8e977edea363d5a16cf45baed83b138"


def build() -> nn.Module:
    """The network with random weights, in evaluation mode; its output is 512 x 512 whatever its input.

    Raises:
        UserError: the package is missing, or has another network.
    """
    module = network_module("mesorch.mesorch")

    with quietly():
        network: nn.Module = module.Mesorch()
    require(network, FINGERPRINT, "mesorch")
    return network.eval()


def probabilities(network: Any, batch: Tensor) -> Tensor:
    """B x 512 x 512 in [0, 1] from B x 3 x 512 x 512: logits of the weighed features, enlarged, then their sigmoid."""
    enlarged: Tensor = network.resize(network.forward_features(batch))
    return enlarged.float().sigmoid()[:, 0]
