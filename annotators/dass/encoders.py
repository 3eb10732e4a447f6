"""Encoders of nine channels: any of torchvision's or timm's that thins an image out to a 32nd, and EfficientNet-Lite0.

Where an encoder's maps are taken is found out, not listed: the last of its stages at each stride.
"""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torchvision import models  # type: ignore[import-untyped]
from torchvision.models.feature_extraction import create_feature_extractor  # type: ignore[import-untyped]

from annotators.dass.config import LITE0, TIMM
from imlbench.backbones.efficientnet_lite import DEVIATION as LITE_DEVIATION
from imlbench.backbones.efficientnet_lite import MEAN as LITE_MEAN
from imlbench.backbones.efficientnet_lite import STAGES, STEM, Block, ConvNorm
from imlbench.errors import UserError, one_line

CHANNELS = 9
"""Of the input: original, edited, |difference|."""
PROBED = (256, 320)
"""Height and width of the image that finds an encoder's stages out."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's statistics, for images in [0, 1], by which torchvision's weights were trained."""
Network = TypeVar("Network", bound=nn.Module)
Images = Tensor
"""B x 9 x H x W, normalised."""


class Encoder(nn.Module):
    """Maps of several strides out of nine channels.

    Args:
        channels: of each map, finest first.
        mean: of the three colours, on images in [0, 1].
        deviation: likewise.
    """

    def __init__(
        self, channels: Sequence[int], mean: Sequence[float] = MEAN, deviation: Sequence[float] = DEVIATION
    ) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.mean, self.deviation = tuple(mean), tuple(deviation)

    def forward(self, images: Images) -> list[Tensor]:
        """Per stride B x channels x H / stride x W / stride, finest first; H and W are multiples of 32."""
        raise NotImplementedError

    @property
    def first(self) -> nn.Conv2d:
        """The convolution that sees the nine channels."""
        raise NotImplementedError


class Stage(NamedTuple):
    """A part of a torchvision network whose output is used.

    Attributes:
        path: its name.
        channels: of its output.
        last: whether the channels come last, as in Swin.
    """

    path: str
    channels: int
    last: bool


class TorchvisionEncoder(Encoder):
    """A classifier of torchvision's, without what follows its last stage.

    Args:
        name: as torchvision lists it.
        strides: of the maps, finest first.

    Raises:
        UserError: there is none of that name, or it has no maps of these strides.
    """

    def __init__(self, name: str, strides: Sequence[int]) -> None:
        found = stages_of(name)
        if lacking := [stride for stride in strides if stride not in found]:
            there = ", ".join(map(str, sorted(found))) or "none"
            raise UserError(f"encoder {name}: has no maps of stride {lacking[0]}; those that it has: {there}")
        used = [found[stride] for stride in strides]
        super().__init__([stage.channels for stage in used])
        self.name, self.strides, self.last = name, tuple(strides), tuple(stage.last for stage in used)
        network = models.get_model(name, weights=None)
        self.stem = widen(network)
        nodes = {stage.path: str(stride) for stage, stride in zip(used, strides, strict=True)}
        self.network = create_feature_extractor(network, nodes, suppress_diff_warning=True)

    def forward(self, images: Images) -> list[Tensor]:
        maps = self.network(images)
        found = [maps[str(stride)] for stride in self.strides]
        return [one.permute(0, 3, 1, 2) if last else one for one, last in zip(found, self.last, strict=True)]

    @property
    def first(self) -> nn.Conv2d:
        return module_at(self.network, self.stem)

    def __deepcopy__(self, memory: dict[int, Any]) -> TorchvisionEncoder:
        # A copied graph would forget that it has two forms, one for training and one for evaluation.
        memory[id(self)] = copy = type(self)(self.name, self.strides)
        weights = {name: deepcopy(value, memory) for name, value in self.state_dict().items()}
        copy.load_state_dict(weights, assign=True)
        for mine, its in zip(self.parameters(), copy.parameters(), strict=True):
            its.requires_grad_(mine.requires_grad)
        return copy.train(self.training)


@lru_cache(maxsize=32)
def stages_of(name: str) -> Mapping[int, Stage]:
    """The last stage of each stride. Found with shapes alone: nothing is computed and no memory taken.

    Raises:
        UserError: torchvision has no classifier of that name, or its stages cannot be found out.
    """
    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, [*known, LITE0], 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"torchvision has {known[0]} to {known[-1]}"
        raise UserError(f"there is no encoder {one_line(repr(name), 60)}; {hint} (another package's: {TIMM}NAME)")
    found: dict[int, Stage] = {}
    try:
        network = skeleton(lambda: models.get_model(name, weights=None)).eval()
        for path, module in parts(network):
            module.register_forward_hook(noting(found, path))
        with torch.no_grad():
            network(torch.zeros(1, 3, *PROBED, device="meta"))
    except Exception as error:
        # Whatever a network of a fixed size says of another one.
        raise UserError(f"encoder {name}: does not take images of any size ({one_line(error, 80)})") from error
    return found


def skeleton(make: Callable[[], Network]) -> Network:
    """A network's names and shapes without its weights, which take no memory where its constructor allows it."""
    try:
        with torch.device("meta"):
            return make()
    except NotImplementedError:
        # A constructor that computes with tensors, as RegNet's.
        return make().to("meta")


def parts(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """A network's parts, and the parts of those that are mere sequences, by name."""
    found = []
    for name, module in network.named_children():
        if isinstance(module, nn.Sequential):
            found += [(f"{name}.{inner}", part) for inner, part in module.named_children()]
        else:
            found.append((name, module))
    return found


def noting(found: dict[int, Stage], path: str) -> Any:
    """A forward hook that notes a map by its stride, in place of an earlier one."""

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor) or output.dim() != 4:
            return
        for stride in (2, 4, 8, 16, 32):
            lattice = (PROBED[0] // stride, PROBED[1] // stride)
            if tuple(output.shape[2:]) == lattice:
                found[stride] = Stage(path, output.shape[1], last=False)
            elif tuple(output.shape[1:3]) == lattice:
                found[stride] = Stage(path, output.shape[3], last=True)

    return hook


def widen(network: nn.Module) -> str:
    """Give a network's first convolution nine channels in place of three; its name."""
    path, old = next((str(path), one) for path, one in network.named_modules() if isinstance(one, nn.Conv2d))
    new = nn.Conv2d(
        CHANNELS,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, new)
    return path


def module_at(network: nn.Module, path: str) -> nn.Conv2d:
    """The convolution of that name."""
    found = network.get_submodule(path)
    assert isinstance(found, nn.Conv2d)
    return found


class TimmEncoder(Encoder):
    """A network of timm's, through timm's own interface for feature maps.

    Args:
        name: as timm lists it.
        strides: of the maps, finest first.

    Raises:
        UserError: timm is not installed, has none of that name, or it has no maps of these strides.
    """

    def __init__(self, name: str, strides: Sequence[int]) -> None:
        found = timm_maps(name)
        if lacking := [stride for stride in strides if stride not in found]:
            there = ", ".join(map(str, found))
            raise UserError(f"encoder {TIMM}{name}: has no maps of stride {lacking[0]}; those that it has: {there}")
        timm = imported_timm()
        mean, deviation = (timm.get_pretrained_cfg_value(name, key) for key in ("mean", "std"))
        used = [found[stride] for stride in strides]
        super().__init__([one.channels for one in used], mean or MEAN, deviation or DEVIATION)
        self.name, self.used, self.network = name, tuple(used), timm_network(timm, name)
        convolutions = [(path, one) for path, one in self.network.named_modules() if isinstance(one, nn.Conv2d)]
        self.stem = next(str(path) for path, one in convolutions if one.in_channels == CHANNELS)

    def forward(self, images: Images) -> list[Tensor]:
        maps = self.network(images)
        return [maps[one.place].permute(0, 3, 1, 2) if one.last else maps[one.place] for one in self.used]

    @property
    def first(self) -> nn.Conv2d:
        return module_at(self.network, self.stem)


class TimmMap(NamedTuple):
    """One of the maps that a timm network gives.

    Attributes:
        place: among them.
        channels: of it.
        last: whether the channels come last.
    """

    place: int
    channels: int
    last: bool


@lru_cache(maxsize=32)
def timm_maps(name: str) -> Mapping[int, TimmMap]:
    """The last map of each stride, found with shapes alone.

    Raises:
        UserError: timm is not installed, has none of that name, or its maps cannot be found out.
    """
    timm = imported_timm()
    if not timm.is_model(name):
        raise UserError(f"timm has no network {one_line(repr(name), 60)}")
    try:
        network = skeleton(lambda: timm_network(timm, name)).eval()
        with torch.no_grad():
            maps = network(torch.zeros(1, CHANNELS, *PROBED, device="meta"))
    except Exception as error:
        # Whatever a network says that has no feature maps, or a fixed size.
        told = f"has no feature maps of images of any size ({one_line(error, 80)})"
        raise UserError(f"encoder {TIMM}{name}: {told}") from error
    found: dict[int, TimmMap] = {}
    for place, one in enumerate(maps):
        last = one.shape[2] * PROBED[1] != one.shape[3] * PROBED[0]
        stride, rest = divmod(PROBED[0], one.shape[1 if last else 2])
        if not rest:
            found[stride] = TimmMap(place, one.shape[3 if last else 1], last)
    return found


def timm_network(timm: Any, name: str) -> nn.Module:
    """Its feature maps; nothing is downloaded."""
    network: nn.Module = timm.create_model(name, pretrained=False, features_only=True, in_chans=CHANNELS)
    return network


def imported_timm() -> Any:
    """The package.

    Raises:
        UserError: it is not installed.
    """
    if find_spec("timm") is None:
        raise UserError("encoders of timm's: it is not installed: pip install 'imlbench[timm]'")
    return importlib.import_module("timm")


class LiteEncoder(Encoder):
    """EfficientNet-Lite0, trained on: its convolutions learn, the statistics of its normalisations stay ImageNet's.

    Args:
        strides: of the maps, finest first.
    """

    def __init__(self, strides: Sequence[int]) -> None:
        plan = [(stage, stage.stride if index == 0 else 1) for stage in STAGES for index in range(stage.blocks)]
        reached = [2 * math.prod(step for _, step in plan[: index + 1]) for index in range(len(plan))]
        self.taken = tuple(max(index for index, stride in enumerate(reached) if stride == one) for one in strides)
        super().__init__([plan[index][0].channels for index in self.taken], LITE_MEAN, LITE_DEVIATION)
        inputs = [STEM, *(stage.channels for stage, _ in plan)]
        # Named as in imlbench.backbones, so that its names of the package's weights serve here too.
        self.stem = ConvNorm(CHANNELS, STEM, 3, 2, active=True)
        self.blocks = nn.ModuleList(
            Block(width, stage, step) for width, (stage, step) in zip(inputs, plan, strict=False)
        )
        self.lay_out()

    def lay_out(self) -> None:
        """Weights in the order that is twice as fast on a processor: depthwise filters read whole pixels."""
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Images) -> list[Tensor]:
        x = self.stem(images.contiguous(memory_format=torch.channels_last))
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taken:
                found.append(x)
        return found

    @property
    def first(self) -> nn.Conv2d:
        return self.stem.convolution


def build_encoder(name: str, strides: Sequence[int]) -> Encoder:
    """An encoder with random weights.

    Args:
        name: `efficientnet-lite0`, one of torchvision's, or `timm:` and one of timm's.
        strides: of the maps, finest first.

    Raises:
        UserError: there is none of that name, or it has no maps of these strides.
    """
    if name == LITE0:
        return LiteEncoder(strides)
    if name.startswith(TIMM):
        return TimmEncoder(name.removeprefix(TIMM), strides)
    return TorchvisionEncoder(name, strides)
