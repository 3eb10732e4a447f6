"""Weight files that a user keeps in a folder: where it is, what its files hash to. Nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from imlbench.config import configured_weights
from imlbench.errors import UserError


def weights_folder(perturbation: str, key: str, variable: str, holds: str) -> Path:
    """The folder of a perturbation's weights: the environment variable, else the config file's table `weights`.

    Args:
        perturbation: its name, for messages.
        key: name in the table `weights`; a path there is relative to the config file.
        variable: the environment variable, which wins.
        holds: what the folder must hold, for messages.

    Raises:
        UserError: neither is set, or what is set is no folder.
    """
    folder = configured_weights(key, variable)
    if folder is None:
        where = f"set {variable} to the folder that holds {holds}"
        raise UserError(f"{perturbation}: {where}, or add [weights] {key} to imlbench.toml")
    folder = folder.absolute()
    if not os.path.isdir(folder):
        raise UserError(f"{perturbation}: no such folder: {folder}; set {variable} to the folder that holds {holds}")
    return folder


def sha256_of(perturbation: str, path: Path, limit: int) -> str:
    """Hexadecimal SHA-256 of a weight file.

    Args:
        perturbation: its name, for messages.
        path: of the file.
        limit: larger files, in bytes, cannot be what is wanted and are not read.

    Raises:
        UserError: it is missing, no regular file, too large, or cannot be read.
    """
    # Asked for first: opening a named pipe would wait for ever.
    if not os.path.isfile(path):
        raise UserError(f"{perturbation}: no such file: {path}")
    size = os.path.getsize(path)
    if size > limit:
        raise UserError(f"{perturbation}: {path} has {size} bytes, expected at most {limit}: not the weights")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{perturbation}: {path}: cannot be read ({error.strerror})") from error
