"""Checkpoints as detectors' authors and IMDL-BenCo publish them, read without running anything in them."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.borrowed import undrawn
from imlbench.errors import UserError, one_line
from imlbench.weights.loading import PICKLED, SAFETENSORS, compare, named_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

TABLES = ("state_dict", "model", "network")
"""Where trainings put the network's tensors, beside their optimizer and their options."""
PARALLEL = "module."
"""What torch's DataParallel puts before every name."""


def load_built(
    build: Callable[[], nn.Module], path: str | Path, detector: str, *, prefix: str = "", beside: Iterable[str] = ()
) -> nn.Module:
    """A network with the tensors of a checkpoint, on the CPU; its first weights are not drawn. See `load_into`.

    Args:
        build: makes the network.
        path: of the checkpoint.
        detector: the name that messages begin with.
        prefix: before the names of a wrapped network.
        beside: names that are left out.

    Raises:
        UserError: the package has another network, or the file is damaged or another network's.
    """
    with undrawn():
        network = build()
    load_into(network, path, detector, prefix=prefix, beside=beside)
    return network


def load_into(
    network: nn.Module,
    path: str | Path,
    detector: str,
    *,
    prefix: str = "",
    beside: Iterable[str] = (),
) -> None:
    """Put the tensors of a checkpoint into a network: all that it has, no others.

    Args:
        network: on the CPU.
        path: .safetensors, or a torch file of any ending.
        detector: the name that a message about another network's weights begins with.
        prefix: what a training that wraps the network puts before its names; taken off where every name has it.
        beside: names that the training stores beside the network's, which are left out.

    Raises:
        UserError: the file is missing, damaged, asks for more than tensors, or is another network's.
    """
    place = Path(path)
    tensors = unwrapped(named_tensors(place, state_of(place)), prefix, beside)
    try:
        compare(place, tensors, network.state_dict())
    except UserError as error:
        raise UserError(f"{detector}: {error}") from None
    network.load_state_dict(tensors)


def state_of(path: Path) -> Mapping[Any, Any]:
    """The state dict of a checkpoint, whether it lies bare in it or in one of `TABLES`.

    Raises:
        UserError: the file is missing, damaged, asks for more than tensors, or holds no table.
    """
    content = read(path)
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: expected named tensors, found {type(content).__name__}")
    for name in TABLES:
        if isinstance(content.get(name), Mapping):
            inner: Mapping[Any, Any] = content[name]
            return inner
    return content


def unwrapped(tensors: Mapping[str, Tensor], prefix: str, beside: Iterable[str]) -> dict[str, Tensor]:
    """Without what DataParallel and a wrapping network put before the names, and without what lies beside."""
    found = dict(tensors)
    for start in (PARALLEL, prefix):
        left_out = tuple(beside)
        inside = [name for name in found if name not in left_out]
        if start and inside and all(name.startswith(start) for name in inside):
            found = {name.removeprefix(start): found[name] for name in found}
    return {name: value for name, value in found.items() if name not in tuple(beside)}


def read(path: Path) -> Any:
    """Whatever a file holds: tensors, and beside them numbers, texts and options.

    Raises:
        UserError: it is missing, empty, damaged, or asks for more than that.
    """
    import torch
    from safetensors.torch import load_file

    if not os.path.isfile(path):
        what = "a folder" if os.path.isdir(path) else "no such file"
        raise UserError(f"{path}: expected a weight file, found {what}")
    if not os.path.getsize(path):
        raise UserError(f"{path}: expected a weight file, found an empty one; get it again")
    try:
        if path.suffix == SAFETENSORS:
            return load_file(path, device="cpu")
        with warnings.catch_warnings(), torch.serialization.safe_globals(inert()):
            # About pickles of other versions, which then load or raise.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file raises whatever its damage leads to: of zipfile, of pickle, of torch, of safetensors.
        raise UserError(f"{path}: {refusal(error)}") from error


def refusal(error: Exception) -> str:
    """Why a file is not read, and what to do."""
    if asked := PICKLED.search(str(error)):
        told = f"asks for {asked[1]}, expected tensors and numbers only; nothing of it was run"
        return f"{told}; save its state_dict() alone, or as safetensors"
    # torch's long message advises to load without the protection.
    said = "" if "weights_only" in str(error) else f": {error}"
    return f"truncated, damaged or no weight file ({one_line(type(error).__name__ + said, 160)}); get it again"


def inert() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Types that trainings put beside their tensors and that do nothing when they are read: options and numbers."""
    import _codecs

    import numpy as np
    from numpy._core import multiarray

    scalar: Any = multiarray.scalar
    kinds = [type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")]
    return [
        argparse.Namespace,
        np.dtype,
        *kinds,
        _codecs.encode,
        scalar,
        # As numpy before 2.0 named it.
        (scalar, "numpy.core.multiarray.scalar"),
    ]
