"""Where the weights of `ddpm-cd` lie on this machine: as the weights' catalogue looks for them."""

from __future__ import annotations

import os
from pathlib import Path

from imlbench.errors import UserError
from imlbench.weights import catalogue, lacking, locate
from imlbench.weights.checking import cached_digest
from imlbench.weights.places import place, weights_root

EXTRACTOR = "ddpm-cd-unet"
"""The diffusion model; IMLBENCH_DDPM_CD_UNET names another place."""
HEAD = "ddpm-cd"
"""The change head; IMLBENCH_DDPM_CD names another place, for example a published head for satellite images."""
INPUT_VARIABLE = "IMLBENCH_DDPM_CD_INPUT"
"""Names "resize" or "tile"."""


def weight_file(name: str) -> Path | None:
    """The file that `required_file` would find; None where it would find none. Nothing is read.

    Args:
        name: `EXTRACTOR` or `HEAD`.
    """
    try:
        path = place(catalogue()[name]).path
    except UserError:
        # A broken config file is told of when the adapter is built; its card can be read all the same.
        return None
    return path if os.path.isfile(path) else None


def required_file(name: str) -> Path:
    """The weights: the place that the user names, which may hold any, or the weights folder, where they are verified.

    Raises:
        UserError: they are not there, or damaged; the message says how to get them.
    """
    named = place(catalogue()[name])
    return named.path if named.named_by and os.path.isfile(named.path) else locate(name)


def lacking_file(name: str) -> str:
    """What `required_file` would complain of without reading the file; empty = nothing."""
    named = place(catalogue()[name])
    return "" if named.named_by and os.path.isfile(named.path) else lacking(name)


def hash_of(path: Path) -> str:
    """SHA-256 of a weight file, hexadecimal; computed once for each size and time of it, since one has 1.6 GB.

    Raises:
        UserError: it cannot be read.
    """
    return cached_digest(Path(os.path.abspath(path)), weights_root())
