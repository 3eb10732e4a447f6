"""Weight files of this project's own training: tensors, and one JSON object that says what they are.

They are safetensors files whose metadata has one entry, `imlbench`, a JSON object with sorted keys. One entry and not
several, because the format's writer puts several in no fixed order and equal networks shall be equal files. What an
object says is read with the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.weights.loading import SAFETENSORS

if TYPE_CHECKING:
    from torch import Tensor

ENTRY = "imlbench"
LONGEST = 1 << 24
"""Bytes of a header; a real one has less than a hundredth of that."""


def write_own(path: str | Path, state: Mapping[str, Tensor], values: Mapping[str, Any]) -> str:
    """Write a network, whole or not at all. Equal tensors and values give equal files.

    Args:
        path: ends in .safetensors; an existing file is replaced.
        state: by name, on any device; stored as float32, or as the whole numbers that they are.
        values: what the file says of itself, JSON-serialisable.

    Returns:
        The file's SHA-256, hexadecimal.

    Raises:
        UserError: the file cannot be written, or has another ending.
        ValueError: a weight is not finite, or the values are no JSON.
    """
    from safetensors.torch import save

    place = Path(path)
    if place.suffix != SAFETENSORS:
        raise UserError(f"{place}: expected a name that ends in {SAFETENSORS}")
    if name := not_finite(state):
        raise ValueError(f"{name}: expected finite weights, found NaN or infinity; nothing is saved")
    tensors = {name: portable(value) for name, value in sorted(state.items())}
    try:
        text = json.dumps(values, sort_keys=True, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"a checkpoint's facts must be JSON: {error}") from error
    data: bytes = save(tensors, {ENTRY: text})
    write_atomically(place, data)
    return hashlib.sha256(data).hexdigest()


def not_finite(state: Mapping[str, Tensor]) -> str:
    """The name of the first tensor that holds NaN or infinity; empty = none does."""
    return next((name for name, value in sorted(state.items()) if not bool(value.isfinite().all())), "")


def portable(value: Tensor) -> Tensor:
    """A weight as a file holds it: on the CPU, float32 or whole numbers, in memory of its own."""
    import torch

    dtype = torch.float32 if value.is_floating_point() else value.dtype
    return value.detach().to("cpu", dtype).contiguous().clone()


def entry_of(place: Path) -> Mapping[str, Any]:
    """The JSON object in the metadata; empty where the file has none.

    Raises:
        UserError: the file is missing, or no safetensors file.
    """
    if place.suffix != SAFETENSORS:
        raise UserError(f"{place}: expected a weight file that ends in {SAFETENSORS}")
    if os.path.isdir(place) or not os.path.exists(place):
        raise UserError(f"{place}: no such weight file")
    try:
        with place.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= LONGEST:
                raise ValueError("the length of its header is beyond any")
            data = file.read(length)
        if len(data) != length:
            raise ValueError("it ends within its header")
        header = json.loads(data)
        text = header.get("__metadata__", {}).get(ENTRY, "{}")
        values = json.loads(text)
        return values if isinstance(values, dict) else {}
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror})") from error
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        reason = one_line(error, 120)
        raise UserError(f"{place}: truncated, damaged or no weight file ({reason}); get it again") from error


def expect_version(place: Path, values: Mapping[str, Any], version: int) -> None:
    """See that a file is of the format version that is read.

    Raises:
        UserError: it is of another.
    """
    if values.get("version") != version:
        found = one_line(repr(values.get("version")), 40)
        raise UserError(f"{place}: expected format version {version}, found {found}")


@contextmanager
def naming(place: Path) -> Iterator[None]:
    """What is wrong with values out of a file names the file.

    Raises:
        UserError: as raised within, with the file before it.
    """
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from error


def fitting(place: Path, name: str, value: Tensor, like: Tensor) -> Tensor:
    """A weight of a file as the network takes it.

    Raises:
        UserError: it is not finite, or not of the network's kind of number.
    """
    if value.is_floating_point() != like.is_floating_point() or not bool(value.isfinite().all()):
        kind = "floating-point" if like.is_floating_point() else "whole"
        raise UserError(f"{place}: {one_line(name, 80)}: expected finite {kind} numbers")
    return value.to(like.dtype)
