"""Where the weights of tiny-unet lie on this machine. Whatever is there is taken: there are none but users' own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imlbench.adapters import DetectorCard
from imlbench.errors import UserError
from imlbench.weights.known_tiny_unet import TINY_UNET
from imlbench.weights.places import place
from imlbench.weights.using import file_here, weights_of

NAME = TINY_UNET.name


def lacking() -> str:
    """Why there are no weights here and what to do, on one line; empty = there are.

    Raises:
        UserError: the config file cannot be read.
    """
    if file_here(NAME):
        return ""
    found = place(TINY_UNET)
    where = f"{found.named_by} names {found.path}, which is no file; " if found.named_by else ""
    return f"{NAME}: {where}{TINY_UNET.how}"


def required_file() -> Path:
    """The weights: the place that the user names, else the installed ones, else the weights folder.

    Raises:
        UserError: they are not there; the message says how to train some.
    """
    path = file_here(NAME)
    if path is None:
        raise UserError(lacking())
    return path


def as_found(card: DetectorCard) -> DetectorCard:
    """The card with the weights that are on this machine.

    Raises:
        UserError: there are none, or they cannot be read.
    """
    return replace(card, weights=weights_of(NAME, (required_file(),)))
