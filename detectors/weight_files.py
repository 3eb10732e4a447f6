"""Where detectors' weights lie on this machine, and cards that name them by their hashes. Nothing heavy is imported."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from imlbench.adapters import DetectorCard
from imlbench.cards import Weight
from imlbench.errors import UserError, one_line
from imlbench.weights import catalogue, lacking, locate
from imlbench.weights.checking import cached_digest
from imlbench.weights.places import place, weights_root

LIMIT_VARIABLE = "IMLBENCH_DETECTOR_MAX_PIXELS"
"""Pixels above which detectors that see images at their own size see tiles; empty = each its own number."""
LEAST_LIMIT = 256 * 256


def files_here(name: str) -> tuple[Path, ...]:
    """The files that `required_files` would find, in the catalogue's order; nothing where one is missing.

    Args:
        name: of the catalogue's entry, which is the detector's.
    """
    try:
        files = place(catalogue()[name]).files
    except UserError:
        # A broken config file is told of when the detector is built; its card can be read all the same.
        return ()
    return files if all(os.path.isfile(path) for path in files) else ()


def required_files(name: str) -> tuple[Path, ...]:
    """The weights: the place that the user names, which may hold any, or the weights folder, where they are verified.

    Raises:
        UserError: they are not there, or damaged; the message says how to get them.
    """
    named = place(catalogue()[name])
    if not (named.named_by and all(os.path.isfile(path) for path in named.files)):
        locate(name)
    return named.files


def lacking_files(name: str) -> str:
    """What `required_files` would complain of without reading a file; empty = nothing."""
    named = place(catalogue()[name])
    return "" if named.named_by and all(os.path.isfile(path) for path in named.files) else lacking(name)


def given_files(name: str, given: str | Path) -> tuple[Path, ...]:
    """The files of an entry that a caller names: the file itself, or the folder that holds them under their names.

    Raises:
        UserError: a file is missing.
    """
    path, names = Path(given), catalogue()[name].names
    files = tuple(path / one for one in names) if os.path.isdir(path) else (path,)
    if len(files) != len(names) or not all(os.path.isfile(file) for file in files):
        raise UserError(
            f"{name}: {path}: expected {'the file' if len(names) == 1 else 'a folder with'} {', '.join(names)}"
        )
    return files


def weights_of(name: str, paths: tuple[Path, ...]) -> tuple[Weight, ...]:
    """Files as a card names them, with the SHA-256 of what is there now.

    Raises:
        UserError: a file cannot be read.
    """
    entry, root = catalogue()[name], weights_root()
    return tuple(
        Weight(
            name=path.name,
            sha256=cached_digest(Path(os.path.abspath(path)), root),
            licence=entry.licence,
            source=entry.origin,
        )
        for path in paths
    )


class CardOfThisMachine:
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
