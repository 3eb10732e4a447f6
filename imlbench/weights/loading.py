"""Loading weight files without running anything in them, and saying in one line why one does not fit."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from torch import Tensor, nn

SAFETENSORS = ".safetensors"
TORCH = (".pth", ".pt", ".bin")
NAMED = 3
"""Names that a message shows."""
PICKLED = re.compile(r"(?:GLOBAL|global:?|class|type) ((?:[A-Za-z_]\w*\.)+\w+)")
"""How torch names what a pickle asks for beyond tensors."""

Shapes = Mapping[str, Sequence[int]]


def load_tensors(path: str | Path, expected: Shapes | nn.Module | None = None) -> dict[str, Tensor]:
    """The named tensors of a .safetensors or torch file, on the CPU, in the file's dtypes.

    Args:
        path: the file; its ending decides how it is read.
        expected: the names and shapes that it must hold, all of them and no others, or the module that they are for.

    Raises:
        UserError: it is missing, a folder, damaged, asks for more than tensors, or is another network's.
    """
    path = Path(path)
    if os.path.isdir(path):
        raise UserError(f"{path}: expected a weight file, found a folder")
    if not os.path.isfile(path):
        raise UserError(f"{path}: no such weight file")
    if path.suffix not in (SAFETENSORS, *TORCH):
        endings = ", ".join((SAFETENSORS, *TORCH))
        raise UserError(f"{path}: expected a weight file that ends in one of {endings}")
    if not os.path.getsize(path):
        raise UserError(f"{path}: expected a weight file, found an empty one; get it again")
    state = read(path)
    if not isinstance(state, Mapping):
        raise UserError(f"{path}: expected named tensors, found {type(state).__name__}")
    tensors = named_tensors(path, state)
    if expected is not None:
        compare(path, tensors, expected if isinstance(expected, Mapping) else expected.state_dict())
    return tensors


def read(path: Path) -> Any:
    """Whatever the file holds.

    Raises:
        UserError: it is damaged, or asks for more than tensors.
    """
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == SAFETENSORS:
            return load_file(path, device="cpu")
        with warnings.catch_warnings():
            # About pickles of other versions, which then load or raise.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file raises whatever its damage leads to: of zipfile, of pickle, of torch, of safetensors.
        asked = PICKLED.search(str(error)) if path.suffix in TORCH else None
        if asked:
            told = f"asks for {asked[1]}, expected tensors only; nothing of it was run"
            raise UserError(f"{path}: {told}; save its state_dict() alone, or as safetensors") from error
        # torch's long message advises to load without the protection.
        said = "" if "weights_only" in str(error) else f": {error}"
        reason = one_line(type(error).__name__ + said, 160)
        raise UserError(f"{path}: truncated, damaged or no weight file ({reason}); get it again") from error


def named_tensors(path: Path, state: Mapping[Any, Any]) -> dict[str, Tensor]:
    """The tensors of a state dict.

    Raises:
        UserError: something in it is no tensor, or a name no text.
    """
    import torch

    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            what = f"{one_line(repr(name), 80)} is {type(value).__name__}"
            raise UserError(f"{path}: expected tensors by name, but {what}; save the network's state_dict() alone")
    return dict(state)


def compare(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Any]) -> None:
    """See that a file holds exactly the names and shapes that a network has.

    Raises:
        UserError: it does not; names the first missing, unexpected and differently shaped ones.
    """
    shapes = {name: tuple(getattr(value, "shape", value)) for name, value in expected.items()}
    both = [name for name in shapes if name in tensors]
    other = [
        f"{name} is {size(tensors[name].shape)}, not {size(shapes[name])}"
        for name in both
        if tuple(tensors[name].shape) != shapes[name]
    ]
    found = (
        ("missing", [name for name in shapes if name not in tensors]),
        ("unexpected", [name for name in tensors if name not in shapes]),
        ("of another shape", other),
    )
    if problems := [f"{len(names)} {kind} ({some(names)})" for kind, names in found if names]:
        raise UserError(f"{path}: not this network's weights: {'; '.join(problems)}")


def finite(path: Path, name: str, value: Tensor) -> Tensor:
    """A tensor of a file, whose numbers are all finite.

    Raises:
        UserError: they are not.
    """
    if not bool(value.isfinite().all()):
        raise UserError(f"{path}: {one_line(name, 80)}: expected finite weights")
    return value


def size(shape: Sequence[int]) -> str:
    """A shape as text: 64 x 3 x 3 x 3."""
    return " x ".join(str(length) for length in shape) or "a scalar"


def some(names: Sequence[str]) -> str:
    """The first few names."""
    shown = ", ".join(one_line(name, 100) for name in names[:NAMED])
    return shown + (", ..." if len(names) > NAMED else "")
