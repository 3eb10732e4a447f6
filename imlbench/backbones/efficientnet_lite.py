"""EfficientNet-Lite0 as an encoder: a small convolutional backbone whose weights come with a Python package."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from imlbench.backbones.encoder import Encoder, Lattice
from imlbench.backbones.lite_weights import PACKAGED_SHA256, packaged_weights, read_tensors, without_classifier
from imlbench.errors import UserError, one_line

MEAN, DEVIATION = (127 / 255,) * 3, (128 / 255,) * 3
"""The Lite family is trained on (value - 127) / 128, not on ImageNet's statistics."""
NORM_EPSILON = 1e-3


class Stage(NamedTuple):
    """Blocks that share a width: Tan & Le 2019, table 1, without squeeze-and-excitation, stem and head unscaled."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class ConvNorm(nn.Module):
    """Convolution, batch normalisation and, where asked for, ReLU6; padded so that n pixels give ceil(n / stride).

    At a stride of 2 the odd pixel of padding goes to the lower right, as in TensorFlow's "SAME".
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1, active: bool
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=NORM_EPSILON)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """The normalisation is folded into the convolution: it is frozen, and one pass over the pixels is saved."""
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        rows, columns = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:])
        if rows % 2 or columns % 2:
            x = functional.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
            rows, columns = 0, 0
        weight, bias = self.folded()
        padding = (rows // 2, columns // 2)
        x = functional.conv2d(x, weight, bias, stride, padding, groups=self.convolution.groups)
        return functional.relu6(x, inplace=True) if self.active else x

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the convolution that does both."""
        norm = self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self.convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


class Block(nn.Module):
    """Inverted bottleneck: expand, filter each channel, project; added to its input where the shapes agree."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        hidden = inputs * stage.expansion
        self.expand = ConvNorm(inputs, hidden, 1, active=True) if stage.expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(hidden, hidden, stage.kernel, stride, groups=hidden, active=True)
        self.project = ConvNorm(hidden, stage.channels, 1, active=False)
        self.residual = stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite0(Encoder):
    """The outputs of the named blocks, each normalised over its channels.

    The normalisation (LayerNorm without weights) stands where DINOv2 has its final LayerNorm: levels of equal scale.

    Args:
        layers: blocks counted from zero, 0 to 15. Strides: 2 at block 0, 4 from 1, 8 from 3, 16 from 5, 32 from 11.
        detail: a block before the first of them. What it finds within a cell of the first level's is stacked, from
            left to right and from top to bottom, and appended to that level's channels; -1 = none.
    """

    def __init__(self, layers: Sequence[int], detail: int = -1) -> None:
        plan = [(stage, index) for stage in STAGES for index in range(stage.blocks)]
        self.strides = [stage.stride if index == 0 else 1 for stage, index in plan]
        self.cell = math.prod(self.strides[detail + 1 : layers[0] + 1]) if detail >= 0 else 0
        channels = [plan[layer][0].channels for layer in layers]
        channels[0] += self.cell**2 * plan[detail][0].channels
        super().__init__(channels, MEAN, DEVIATION)
        self.layers, self.detail = tuple(layers), detail
        inputs = [STEM, *(stage.channels for stage, _ in plan)]
        self.stem = ConvNorm(3, STEM, 3, 2, active=True)
        self.blocks = nn.ModuleList(
            Block(width, stage, stride) for width, (stage, _), stride in zip(inputs, plan, self.strides, strict=False)
        )
        # Twice as fast on a processor as the other order: depthwise filters read whole pixels.
        self.to(memory_format=torch.channels_last)
        self.freeze()

    @classmethod
    def from_file(cls, layers: Sequence[int], path: str | Path = "", sha256: str = "", detail: int = -1) -> Self:
        """The ImageNet weights, from the package's file or one like it (.pth or .safetensors).

        Args:
            layers: blocks counted from zero.
            path: empty = the file of the installed package.
            sha256: what the file must hash to; empty = the package's hash for the package's file, else unchecked.
            detail: a block whose details the first level gets; -1 = none.

        Raises:
            UserError: the file is missing or damaged, has another hash, or holds another network's weights.
        """
        place = Path(path) if path else packaged_weights()
        expected = sha256 or ("" if path else PACKAGED_SHA256)
        network = cls(layers, detail)
        network.load_package_state(read_tensors(place, expected), str(place))
        return network

    def load_package_state(self, state: Mapping[str, Any], origin: str) -> None:
        """Load tensors that have the package's names: all of the encoder's, and no others but the classifier's."""
        try:
            self.load_state_dict(without_classifier(state), strict=True)
        except Exception as error:
            # Values that are no tensors raise by other types than wrong names and shapes.
            raise UserError(f"{origin}: not EfficientNet-Lite0's weights: {one_line(error, 200)}") from error

    def lattices(self, height: int, width: int) -> list[Lattice]:
        rows, columns, found = -(-height // 2), -(-width // 2), []
        for stride in self.strides:
            rows, columns = -(-rows // stride), -(-columns // stride)
            found.append((rows, columns))
        return [found[layer] for layer in self.layers]

    def features(self, normalised: Tensor) -> list[Tensor]:
        weight = self.stem.convolution.weight
        x = self.stem(normalised.to(weight.dtype).contiguous(memory_format=torch.channels_last))
        found: list[Tensor] = []
        detail: Tensor | None = None
        for index, block in enumerate(self.blocks[: self.layers[-1] + 1]):
            x = block(x)
            if index == self.detail:
                detail = normalised_channels(stacked_cells(x, self.cell))
            if index in self.layers:
                level = normalised_channels(x)
                found.append(level if detail is None or found else torch.cat([level, detail], dim=1))
        return found


def stacked_cells(x: Tensor, cell: int) -> Tensor:
    """B x D x h x w -> B x (D cell^2) x ceil(h / cell) x ceil(w / cell); the last cells are filled with the edge."""
    rows, columns = (-side % cell for side in x.shape[2:])
    if rows or columns:
        x = functional.pad(x, (0, columns, 0, rows), mode="replicate")
    return functional.pixel_unshuffle(x, cell)


def normalised_channels(x: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the channels of each position, float32."""
    return functional.layer_norm(x.permute(0, 2, 3, 1).float(), x.shape[1:2]).permute(0, 3, 1, 2)
