"""Where the weights of tiny-unet lie on this machine, and a card that names them by their hash."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from imlbench.adapters import DetectorCard
from imlbench.cards import Weight
from imlbench.errors import UserError
from imlbench.weights.checking import cached_digest
from imlbench.weights.known_tiny_unet import TINY_UNET
from imlbench.weights.places import place, weights_root


def lacking() -> str:
    """Why there are no weights here and what to do, on one line; empty = there are."""
    found = place(TINY_UNET)
    if os.path.isfile(found.path):
        return ""
    where = f"{found.named_by} names {found.path}, which is no file; " if found.named_by else ""
    return f"tiny-unet: {where}{TINY_UNET.how}"


def required_file() -> Path:
    """The weights: the place that the user names, else the installed ones, else the weights folder.

    Raises:
        UserError: they are not there; the message says how to train some.
    """
    if lacks := lacking():
        raise UserError(lacks)
    return place(TINY_UNET).path


def weight_of(path: Path) -> Weight:
    """A file as a card names it.

    Raises:
        UserError: it cannot be read.
    """
    sha256 = cached_digest(Path(os.path.abspath(path)), weights_root())
    return Weight(name=path.name, sha256=sha256, licence=TINY_UNET.licence, source=TINY_UNET.origin)


class CardOfThisMachine:
    """A class attribute `card` that names the weights which would be loaded now, by their hash.

    Args:
        card: without the weights.
    """

    def __init__(self, card: DetectorCard) -> None:
        self.declared = card

    def __get__(self, instance: object, owner: Any = None) -> DetectorCard:
        try:
            return replace(self.declared, weights=(weight_of(required_file()),))
        except UserError:
            # Listing shows the card all the same; building the detector says what is wrong.
            return self.declared
