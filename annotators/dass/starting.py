"""Weights of three channels into an encoder of nine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from annotators.dass.encoders import CHANNELS, Encoder, LiteEncoder
from imlbench.backbones.lite_weights import without_classifier
from imlbench.errors import UserError, one_line
from imlbench.weights.loading import finite, load_tensors, size, some

COLOURS = 3
SHARE = 0.5
"""Of the filters for three colours that each of the three images gets."""


def widened(filters: Tensor) -> Tensor:
    """First filters for nine channels: those for three, halved, once for each of original, edited and |difference|.

    Two equal images then give the very response that the filters gave to one of them, since the difference is 0: what
    follows the first convolution sees what it was trained on.

    Args:
        filters: n x 3 x k x k.

    Returns:
        n x 9 x k x k.
    """
    return torch.cat([SHARE * filters] * (CHANNELS // COLOURS), dim=1)


def start(encoder: Encoder, path: str | Path) -> None:
    """Fill an encoder with weights that were trained on single images.

    Args:
        encoder: on the CPU.
        path: .pth or .safetensors with the names that torchvision, timm or EfficientNet-Lite0's package give them. What
            the encoder lacks, such as the classifier's, is passed over.

    Raises:
        UserError: the file is missing, damaged, or another network's.
    """
    place = Path(path)
    tensors = load_tensors(place)
    if isinstance(encoder, LiteEncoder):
        tensors = without_classifier(tensors)
    else:
        tensors = {f"network.{name}": value for name, value in tensors.items()}
    expected = encoder.state_dict()
    found = matched(place, expected, tensors)
    first = next(name for name, value in encoder.named_parameters() if value is encoder.first.weight)
    if found[first].shape[1:2] == (COLOURS,) and found[first].is_floating_point():
        found[first] = widened(found[first])
    for name, value in found.items():
        if value.shape != expected[name].shape:
            told = f"{name} is {size(value.shape)}, not {size(expected[name].shape)}"
            raise UserError(f"{place}: not this encoder's weights: {one_line(told, 160)}")
        finite(place, name, value)
    encoder.load_state_dict(found)


def matched(place: Path, expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors by the encoder's names; timm writes "." or "_" between a stage and its number.

    Raises:
        UserError: one is missing.
    """
    plain = {name.replace(".", "_"): value for name, value in tensors.items()}
    lacking = [name for name in expected if name.replace(".", "_") not in plain]
    if lacking:
        told = f"{len(lacking)} missing ({some(lacking)})"
        raise UserError(f"{place}: not this encoder's weights: {told}")
    return {name: plain[name.replace(".", "_")] for name in expected}
