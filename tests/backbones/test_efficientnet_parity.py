"""Parity of our EfficientNet-Lite0 with the architecture that the weights were published for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from imlbench.backbones.efficientnet_lite import DEVIATION, MEAN, EfficientNetLite0

package = pytest.importorskip("efficientnet_lite_pytorch", reason="the test extra brings it")
torch.set_num_threads(1)


def outputs_of_blocks(network: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for block in network._blocks:
        block.register_forward_hook(lambda module, inputs, output: found.append(output))
    normalised = (images - MEAN[0]) / DEVIATION[0]
    with torch.inference_mode():
        network.eval().extract_features(normalised)
    return found


def test_every_block_equals_the_packages():
    """At 224 pixels, for which the package fixes its padding."""
    torch.manual_seed(0)
    reference, images = package.EfficientNet.from_name("efficientnet-lite0"), torch.rand(1, 3, 224, 224)
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    encoder = EfficientNetLite0(tuple(range(16)))
    encoder.load_package_state(reference.state_dict(), "the package's network")
    for found, expected in zip(encoder.levels(images), outputs_of_blocks(reference, images), strict=True):
        normed = nn.functional.layer_norm(expected.permute(0, 2, 3, 1), expected.shape[1:2]).permute(0, 3, 1, 2)
        torch.testing.assert_close(found, normed, atol=1e-4, rtol=1e-4)
