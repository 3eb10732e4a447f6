"""Weights of PSCC-Net that were trained here: one file with all of its parts, where its authors publish three."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.cards import CardOfDeclared, full_card
from imlbench.errors import UserError
from imlbench.weights.known import catalogue
from imlbench.weights.places import place
from imlbench.weights.using import required_files, weights_of

if TYPE_CHECKING:
    from imlbench.adapters import DetectorCard


def own_file(name: str, given: str | Path = "") -> Path | None:
    """The one file that a caller, or else the user, names in the place of three; None where none is named.

    Args:
        name: of the catalogue's entry.
        given: by a caller; empty = nothing.

    Raises:
        UserError: the config file is broken.
    """
    if given:
        return Path(given) if os.path.isfile(given) else None
    found = place(catalogue()[name])
    return found.folder if found.named_by and os.path.isfile(found.folder) else None


def files_of(name: str) -> Sequence[Path]:
    """The one file, else the published three.

    Raises:
        UserError: they are not there, or damaged; the message says how to get them.
    """
    own = own_file(name)
    return required_files(name) if own is None else (own,)


def own_card(card: DetectorCard, path: Path, variant: str) -> DetectorCard:
    """The card with the file's hash.

    Raises:
        UserError: it cannot be read.
    """
    return full_card(card, weights_of(card.name, (path,)), variant)


class CardOfOneOrThree(CardOfDeclared):
    """As the base, and the one file where the user names one."""

    def __get__(self, instance: object, owner: Any = None) -> DetectorCard:
        try:
            own = own_file(owner.declared.name)
            if own is not None:
                return own_card(owner.declared, own, owner.variant())
        except UserError:
            # Listing shows the card all the same; building the detector says what is wrong.
            return owner.declared  # type: ignore[no-any-return]
        return super().__get__(instance, owner)
