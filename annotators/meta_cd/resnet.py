"""The trainable encoder: a ResNet of torchvision's, its four stages lifted to the channels of FastSAM's maps."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet  # type: ignore[import-untyped]

from annotators.meta_cd.blocks import convolution
from annotators.meta_cd.config import DEPTHS, MetaCdConfig
from imlbench.weights.loading import compare, load_tensors

STAGES = (64, 128, 256, 512)
"""Channels of a ResNet's stages, at strides 4, 8, 16, 32."""
CLASSIFIER = "fc."
"""Names in a published file that are of no use here."""


class LiftedResNet(nn.Module):
    """Four maps of an image, finest first, with the channels of `config.features`.

    The description says "lifted by 1 x 1"; that normalisation and ReLU follow is a choice of this project's. New ones
    have random weights; `load` brings those of ImageNet.

    Args:
        config: says how many layers, and the channels.
    """

    def __init__(self, config: MetaCdConfig) -> None:
        super().__init__()
        self.trunk = ResNet(BasicBlock, list(DEPTHS[config.cnn]))
        # The pooling and the classifier of the 1000 classes are never run.
        self.trunk.fc = nn.Identity()
        self.lifts = nn.ModuleList(convolution(*widths, 1) for widths in zip(STAGES, config.features, strict=True))

    def load(self, path: str | Path) -> None:
        """Weights of the ResNet itself, as torchvision publishes them; the lifts stay as they are.

        Raises:
            UserError: the file is missing, damaged, or another network's.
        """
        place = Path(path)
        tensors = {name: value for name, value in load_tensors(place).items() if not name.startswith(CLASSIFIER)}
        # Older files lack the counters of batches, which are of no effect.
        own = self.trunk.state_dict()
        counters = {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}
        compare(place, {**counters, **tensors}, own)
        self.trunk.load_state_dict({**counters, **tensors})

    def forward(self, images: Tensor) -> list[Tensor]:
        """Four maps from B x 3 x H x W in [0, 1]."""
        net = self.trunk
        x = net.maxpool(net.relu(net.bn1(net.conv1(images))))
        found = []
        for stage, lift in zip((net.layer1, net.layer2, net.layer3, net.layer4), self.lifts, strict=True):
            x = stage(x)
            found.append(lift(x))
        return found
