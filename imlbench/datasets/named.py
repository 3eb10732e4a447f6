"""Sets that users bring: the name after the colon is free, and says in results which set was meant."""

from __future__ import annotations

import os

from imlbench.datasets.base import Dataset
from imlbench.errors import UserError, one_line
from imlbench.masks import MaskRule

BRIGHT = MaskRule("any", 127)
"""Mask rule of the generic sets: white or any bright colour marks the edited pixels."""

MAX_NAME = 80


class NamedDataset(Dataset):
    """A dataset whose variant is a free name; empty means the base name of the root.

    Two sets in the same folder of results must not share a name, since results are kept under
    `label`. The base name is that of the resolved path, without its suffix where the root is a file.
    """

    def _checked_variant(self, variant: str) -> str:
        if not variant:
            return self._name_of_root()
        if variant.strip() != variant or not variant.isprintable() or len(variant) > MAX_NAME or "/" in variant:
            found = one_line(variant, MAX_NAME)
            expected = f"1 to {MAX_NAME} printable characters without a slash or blanks at the ends"
            raise UserError(f"{self.card.name}: {found!r} cannot be a set's name: expected {expected}")
        return variant

    def _name_of_root(self) -> str:
        """Base name of the root, made printable."""
        name = os.path.basename(self.root)
        if os.path.isfile(self.root):
            name = os.path.splitext(name)[0]
        return one_line(name, MAX_NAME) or self.card.name

    @property
    def label(self) -> str:
        """Name in results: the registered name and the set's."""
        return f"{self.card.name}:{self.variant}"

    @property
    def title(self) -> str:
        """Name in tables: the set's."""
        return self.variant
