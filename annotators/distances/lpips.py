"""LPIPS as a map: squared differences of AlexNet's unit features, weighted by what people see.

Zhang, Isola, Efros, Shechtman and Wang, CVPR 2018, version 0.1 of the weights. Written from the paper and the names in
the published files; a test compares it with another implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from imlbench.weights import locate
from imlbench.weights.loading import compare, load_tensors

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""ImageNet's mean and deviation, for images in [-1, 1]."""
CHANNELS = (64, 192, 384, 256, 256)
ENDS = (2, 5, 8, 10, 12)
"""Where in AlexNet's list of layers each of the five compared ones ends: after its ReLU."""
LEAST_SIDE = 31
"""Pixels below which the second pooling has nothing left to pool."""
EPSILON = 1e-10
TRUNK = "features."
"""AlexNet's convolutions in its weight file; the rest is the classifier."""
LINEAR = "lin{}.model.1.weight"


class Lpips(nn.Module):
    """The distance of every pixel: bilinearly enlarged from five layers of AlexNet and summed.

    Without weights: `load` brings the published ones.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
        )
        self.linear = nn.ParameterList(nn.Parameter(torch.zeros(1, channels, 1, 1)) for channels in CHANNELS)
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def load(self, trunk: Path, linear: Path) -> None:
        """Both published files: torchvision's AlexNet, and the weights of the five layers.

        Raises:
            UserError: a file is missing, damaged, or another network's.
        """
        convolutions = {
            name.removeprefix(TRUNK): value for name, value in load_tensors(trunk).items() if name.startswith(TRUNK)
        }
        compare(trunk, convolutions, self.features.state_dict())
        self.features.load_state_dict(convolutions)
        expected: Mapping[str, Tensor] = {LINEAR.format(layer): value for layer, value in enumerate(self.linear)}
        for name, value in load_tensors(linear, {name: value.shape for name, value in expected.items()}).items():
            expected[name].copy_(value)

    def forward(self, original: Tensor, edited: Tensor) -> Tensor:
        """Two batches B x 3 x H x W in [0, 1] -> B x H x W in [0, 1]; what lies above 1 is cut."""
        height, width = original.shape[2:]
        missing = (0, max(0, LEAST_SIDE - width), 0, max(0, LEAST_SIDE - height))
        if any(missing):
            # Continued by the last pixels, and cut back below.
            original, edited = (functional.pad(image, missing, "replicate") for image in (original, edited))
        total = torch.zeros_like(original[:, :1])
        for before, after, weight in zip(self.units(original), self.units(edited), self.linear, strict=True):
            layer = functional.conv2d((before - after) ** 2, weight)
            total += functional.interpolate(layer, original.shape[2:], mode="bilinear", align_corners=False)
        return total[:, 0, :height, :width].clamp(0, 1)

    def units(self, images: Tensor) -> list[Tensor]:
        """The five layers' features, each position's divided by its length."""
        x, found = (2 * images - 1 - self.shift) / self.scale, []
        for start, end in zip((0, *ENDS), ENDS, strict=False):
            x = self.features[start:end](x)
            found.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + EPSILON))
        return found


def published_lpips() -> Lpips:
    """With the published weights, from this machine.

    Raises:
        UserError: they are missing or damaged.
    """
    trunk, linear = locate("alexnet"), locate("lpips-alex")
    network = Lpips()
    network.load(trunk, linear)
    return network
