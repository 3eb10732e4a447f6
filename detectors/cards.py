"""Cards of detectors that name the weights on this machine, and the limit of tiling. Nothing heavy is imported."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from imlbench.adapters import DetectorCard
from imlbench.cards import Weight
from imlbench.errors import UserError, one_line
from imlbench.weights.using import files_here, weights_of

LIMIT_VARIABLE = "IMLBENCH_DETECTOR_MAX_PIXELS"
"""Pixels above which detectors that see images at their own size see tiles; empty = each its own number."""
LEAST_LIMIT = 256 * 256


class CardOfDeclared:
    """A class attribute `card` that names the weights which would be loaded now, by their hashes.

    Results are kept by the hashes of a detector's weights: another checkpoint is another run. The class has its card
    without the weights, whose name is that of the catalogue's entry, as `declared`, and says with `variant()` what
    of the environment changes its numbers.
    """

    def __get__(self, instance: object, owner: Any = None) -> DetectorCard:
        declared: DetectorCard = owner.declared
        try:
            return full_card(declared, weights_of(declared.name, files_here(declared.name)), owner.variant())
        except UserError:
            # Listing shows the card all the same; building the detector says what is wrong.
            return declared


def full_card(card: DetectorCard, weights: tuple[Weight, ...], variant: str) -> DetectorCard:
    """The card with its weights; a variant, such as another limit of tiling, is another version."""
    version = f"{card.version}+{variant}" if variant else card.version
    return replace(card, version=version, weights=weights)


def asked_limit() -> int:
    """The limit of tiling that the environment asks for, in pixels; 0 = it asks for none.

    Raises:
        UserError: it is no whole number from 65,536, which is 256 x 256.
    """
    asked = os.environ.get(LIMIT_VARIABLE, "")
    if not asked:
        return 0
    if not (asked.isascii() and asked.isdecimal() and int(asked[:12]) >= LEAST_LIMIT and len(asked) < 12):
        raise UserError(f"{LIMIT_VARIABLE}: expected whole pixels from 65536, found {one_line(repr(asked), 40)}")
    return int(asked)
