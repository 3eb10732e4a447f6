"""Where the checkpoints of `sigma` and `sigma-lite` lie on this machine: as the weights' catalogue looks for them."""

from __future__ import annotations

import os
from pathlib import Path

from imlbench.errors import UserError
from imlbench.weights import catalogue, lacking, locate
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

    A place that the user names may hold weights of the user's own training: what they are is on the adapter's card, by
    their hash. The package's are verified.

    Raises:
        UserError: it is not there, or damaged; the message says how to get it.
    """
    named = place(catalogue()[name])
    return named.path if named.named_by and os.path.isfile(named.path) else locate(name)


def lacking_checkpoint(name: str) -> str:
    """What `required_checkpoint` would complain of without reading the file; empty = nothing."""
    named = place(catalogue()[name])
    return "" if named.named_by and os.path.isfile(named.path) else lacking(name)
