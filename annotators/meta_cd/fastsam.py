"""The frozen encoder: the backbone of FastSAM-x, a YOLOv8x-seg, built by the package ultralytics.

That package and FastSAM's weights are under the AGPL-3.0. The package is an extra, imlbench[fastsam], and is imported
here alone, when such a network is built.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from annotators.meta_cd.config import STRIDES, MetaCdConfig
from annotators.meta_cd.files import lacking_package
from annotators.meta_cd.importing import import_quietly
from imlbench.errors import UserError, one_line
from imlbench.weights.loading import compare, finite, named_tensors, read

ARCHITECTURE = "yolov8x-seg.yaml"
TAKEN = (2, 4, 6, 9)
"""Layers whose outputs are the four maps: the last of each stride of the backbone. The description names their
channels and strides; that they are these layers, and not the neck's, is inferred here."""
PREFIX = "model."
"""How names of the network's layers begin in a file."""
OLDER = ("ultralytics.nn.modules", "ultralytics.yolo.utils")
"""Where older versions of the package had classes that their files name."""


class FastSam(nn.Module):
    """The backbone's layers, frozen, and the maps that hooks catch on the way through them.

    Args:
        layers: the backbone, one layer after another.
        taken: numbers of the layers whose outputs are caught, finest first.
    """

    def __init__(self, layers: nn.Sequential, taken: Sequence[int] = TAKEN) -> None:
        super().__init__()
        self.layers = layers.requires_grad_(False).eval()
        self.taken = tuple(taken)

    def train(self, mode: bool = True) -> FastSam:
        """Stays in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> list[Tensor]:
        """Four maps at strides 4, 8, 16, 32 from B x 3 x H x W in [0, 1]."""
        caught: dict[int, Tensor] = {}
        with ExitStack() as hooks:
            for number in self.taken:
                # For this call alone: averaged and trained networks share this one.
                hook = self.layers[number].register_forward_hook(partial(keep, caught, number))
                hooks.callback(hook.remove)
            self.layers(images)
        return [caught[number] for number in self.taken]


def keep(caught: dict[int, Tensor], number: int, *call: Any) -> None:
    """A forward hook: the last of a call's arguments is the output."""
    caught[number] = call[-1]


def load_fastsam(path: Path, config: MetaCdConfig) -> FastSam:
    """FastSAM's backbone with the weights of a file, frozen, in evaluation mode, float32, on the CPU.

    Args:
        path: FastSAM-x.pt as published, or its state dict (.pt, .pth, .safetensors). Nothing in it is executed.
        config: says which channels the maps must have.

    Raises:
        UserError: the package is missing or fails, or the file is missing, damaged, or another network's.
    """
    if lacks := lacking_package():
        raise UserError(lacks)
    model = built()
    layers = nn.Sequential(*list(model.model)[: TAKEN[-1] + 1])
    wanted = {f"{PREFIX}{name}": value for name, value in layers.state_dict().items()}
    found = weights_of(path, model)
    tensors = {name: value for name, value in found.items() if name in wanted or is_backbone(name)}
    compare(path, tensors, wanted)
    layers.load_state_dict({name.removeprefix(PREFIX): finite(path, name, value) for name, value in tensors.items()})
    encoder = FastSam(layers.float())
    check_maps(path, encoder, config)
    return encoder


def built() -> Any:
    """The package's network, without weights of anyone's.

    Raises:
        UserError: the package cannot be imported, or builds no such network.
    """
    try:
        model = import_quietly("ultralytics.nn.tasks").SegmentationModel(ARCHITECTURE, nc=1, verbose=False)
        # Each layer of a backbone takes what the one before it gives; only then may they be run in a row.
        chained = all(layer.f == -1 for layer in model.model[: TAKEN[-1] + 1])
    except Exception as error:
        # Another version, or a library that the package needs: each raises by another type.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"meta-cd: ultralytics cannot build {ARCHITECTURE}: {reason}") from error
    if not chained:
        raise UserError(f"meta-cd: ultralytics builds another {ARCHITECTURE} than its versions 8; install one of those")
    return model


def weights_of(path: Path, model: nn.Module) -> Mapping[str, Tensor]:
    """The tensors of a file: a state dict, or the published file, which holds a whole network.

    Of classes, only those that the network consists of, and the settings' one, are made from the file.

    Raises:
        UserError: the file is missing, damaged, or asks for anything else.
    """
    if not os.path.isfile(path):
        raise UserError(f"{path}: no such weight file")
    with torch.serialization.safe_globals(list(permitted(model))):
        state = read(path)
    held = [state[name] for name in ("ema", "model") if name in state] if isinstance(state, Mapping) else []
    networks = [one for one in held if isinstance(one, nn.Module)]
    if networks:
        with telling(path):
            state = networks[0].state_dict()
    if not isinstance(state, Mapping):
        raise UserError(f"{path}: expected named tensors, found {type(state).__name__}")
    return named_tensors(path, state)


def permitted(model: nn.Module) -> Iterator[Any]:
    """Classes that a published file may name, under the names of today and of older versions."""
    classes = {type(part) for part in model.modules()}
    settings = getattr(import_quietly("ultralytics.utils"), "IterableSimpleNamespace", None)
    classes |= set() if settings is None else {settings}
    for one in sorted(classes, key=lambda kind: (kind.__module__, kind.__qualname__)):
        yield one
        if one.__module__.startswith("ultralytics."):
            yield from ((one, f"{place}.{one.__qualname__}") for place in OLDER)


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """What a network out of a file raises is the file's fault.

    Raises:
        UserError: as raised within, on one line.
    """
    try:
        yield
    except Exception as error:
        reason = one_line(f"{type(error).__name__}: {error}", 160)
        raise UserError(f"{path}: the network in it is damaged ({reason}); get it again") from error


def is_backbone(name: str) -> bool:
    """Whether a name is of the backbone's layers: model.0.* to model.9.*; neck and head are of no use here."""
    number = name.removeprefix(PREFIX).partition(".")[0]
    return name.startswith(PREFIX) and number.isdecimal() and len(number) < 3 and int(number) <= TAKEN[-1]


def check_maps(path: Path, encoder: FastSam, config: MetaCdConfig) -> None:
    """See that the maps have the channels and strides that the rest of the network was made for.

    Raises:
        UserError: they have others.
    """
    side = 2 * STRIDES[-1]
    found = [(one.shape[1], side // one.shape[2]) for one in encoder(torch.zeros(1, 3, side, side))]
    expected = list(zip(config.features, STRIDES, strict=True))
    if found != expected:
        raise UserError(f"{path}: expected maps of (channels, stride) {expected}, found {found}")
