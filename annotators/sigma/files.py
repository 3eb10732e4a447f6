"""Where the checkpoints of `sigma` and `sigma-lite` lie on this machine: as the weights' catalogue looks for them."""

from __future__ import annotations

import os
from pathlib import Path

from imlbench.errors import UserError
from imlbench.weights import catalogue, locate
from imlbench.weights.places import place

PACKAGED = Path(__file__).parent / "weights"
"""Holds the checkpoint that comes with the package."""


def checkpoint_file(name: str) -> Path | None:
    """The checkpoint that `required_checkpoint` would find; None where it would find none. Nothing is read.

    Args:
        name: "sigma" or "sigma-lite".
    """
    try:
        path = place(catalogue()[name]).path
    except UserError:
        # A broken config file is told of when the adapter is built; its card can be read all the same.
        return None
    return path if os.path.isfile(path) else None


def required_checkpoint(name: str) -> Path:
    """The checkpoint: the place that IMLBENCH_SIGMA or IMLBENCH_SIGMA_LITE names, the package's, the weights folder's.

    Raises:
        UserError: it is not there; the message says how to get it.
    """
    return locate(name)
