"""The state of a run, in one file that is whole or absent: a killed run goes on from it to the same losses."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.training.run import BEST

LAST = "last.pt"
FORMAT = 1
CONTENT = frozenset(
    (
        *("step", "best", "seconds", "config", "data_sha256", "history", "processes"),
        *("network", "ema", "optimizer", "scaler", "random"),
    )
)
"""What a checkpoint holds besides its format."""


def expect_no_run(folder: Path) -> None:
    """A run must not begin where there is one already.

    Raises:
        UserError: there is one, or what is left of one.
    """
    if (folder / LAST).exists():
        raise UserError(f"{folder}: holds a run already; give --resume to go on with it, or another folder")
    if (folder / BEST).exists():
        raise UserError(f"{folder}: holds {BEST} without a {LAST} to go on from; delete it, or take another folder")


def write_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint.

    Raises:
        UserError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **state}, buffer)
    write_atomically(folder / LAST, buffer.getvalue())


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """The folder's checkpoint, on the processor; tensors and plain values only, nothing in it is executed.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = folder / LAST
    if not path.is_file():
        raise UserError(f"{folder}: no {LAST} to resume from; leave out --resume to begin")
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file raises whatever its damage leads to: of zipfile, of pickle, of torch.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"{path}: not a checkpoint that torch reads: {reason}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or not state.keys() >= CONTENT:
        raise UserError(f"{path}: not a checkpoint of this version")
    return state
