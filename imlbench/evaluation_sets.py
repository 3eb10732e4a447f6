"""Which datasets nothing may be trained on, and where on this machine their images lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from imlbench.cards import DatasetCard
from imlbench.config import data_root
from imlbench.datasets.files import walk
from imlbench.errors import UserError, one_line
from imlbench.registry import names, resolve


def evaluation_cards() -> dict[str, DatasetCard]:
    """Cards of the registered datasets on which nothing may be trained, by name."""
    cards = {name: resolve("datasets", name).load().card for name in names("datasets")}
    return {name: card for name, card in cards.items() if card.evaluation_only}


def evaluation_roots(extra: Sequence[Path] = ()) -> dict[str, Path]:
    """Evaluation sets with a configured root that exists, and the folders named by hand, by name.

    Raises:
        UserError: a folder named by hand holds no image: keeping nothing out is a slip.
    """
    roots: dict[str, Path] = {}
    for name in evaluation_cards():
        try:
            root = data_root(name)
        except UserError:
            # Not configured: whoever asks says which sets were compared with, and only those.
            continue
        if os.path.isdir(root):
            roots[name] = root
    for folder in extra:
        if next(walk(str(folder)), None) is None:
            raise UserError(f"--keep-out: no image file in {one_line(folder, 200)}")
        roots[free_name(folder.name, roots)] = folder
    return roots


def free_name(name: str, taken: dict[str, Path]) -> str:
    """The name, with a number where it is taken: two folders of one name must not hide each other."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free
