"""MVSS-Net's network, borrowed, with the names of its authors' checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from detectors.borrowed import network_module, quietly, require

if TYPE_CHECKING:
    from torch import Tensor, nn

FINGERPRINT = "c94105e281af113d923062d2a50cb980e59d35862f405c284da63c26d0cb69fa"


def build() -> nn.Module:
    """The network with random weights, in evaluation mode.

    Raises:
        UserError: the package is missing, or has another network.
    """
    module = network_module("mvss_net.mvssnet")

    # Its constructor downloads ImageNet's ResNet-50 twice, whatever it is told.
    module.model_zoo = SimpleNamespace(load_url=lambda address: {})
    with quietly():
        network: nn.Module = module.MVSSNet()
    require(network, FINGERPRINT, "mvss-net")
    return network.eval()


def probabilities(network: nn.Module, batch: Tensor) -> Tensor:
    """B x H x W in [0, 1] from B x 3 x H x W with equal sides, by the network's own forward pass.

    The pass computes a loss beside the map, for which it is given an empty truth.
    """
    import torch

    empty = torch.zeros_like(batch[:, :1])
    with constant_kernel(network):
        found: dict[str, Tensor] = network(batch, mask=empty, edge_mask=empty, label=empty[:, 0, 0, 0])
    return found["pred_mask"][:, 0]


@contextmanager
def constant_kernel(network: nn.Module) -> Iterator[None]:
    """Keep the weights of the constrained convolution, which every pass normalises in place.

    The second pass would otherwise differ from the first in the last digits.
    """
    kernel: Any = network.constrain_conv.kernel  # type: ignore[union-attr]
    kept = kernel.data
    try:
        yield
    finally:
        kernel.data = kept
