"""What every dataset is: a folder in, samples with stable ids in a stable order out."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.errors import Reason, UserError, one_line
from imlbench.samples import Sample


@dataclass(frozen=True, slots=True)
class Problem:
    """A defect of a dataset folder.

    Attributes:
        reason: its class.
        name: the sample's id or the file's name relative to the root.
        message: one line for people.
    """

    reason: Reason | str
    name: str
    message: str


class Dataset(ABC):
    """A dataset below a root folder.

    Construction reads names only, never pixels. A partner that is missing or found twice does not raise: its
    sample carries a `BrokenSource`, so that a run records it as a failure and `verify` names it.

    Args:
        root: the folder that holds the set (some sets take a file).
        variant: one of the card's variants; empty means the default.

    Raises:
        UserError: the root is missing, its layout is not the expected one, or the variant is unknown.
    """

    card: ClassVar[DatasetCard]
    root_may_be_file: ClassVar[bool] = False

    def __init__(self, root: str | Path, variant: str = "") -> None:
        self.root = self._checked_root(Path(root))
        self.variant = self._checked_variant(variant)

    def _checked_root(self, root: Path) -> str:
        """Absolute path of the root, symbolic links resolved."""
        if not root.exists():
            raise UserError(f"{self.card.name}: no such folder: {root}; expected {self.card.layout}")
        if not root.is_dir() and not self.root_may_be_file:
            raise UserError(f"{self.card.name}: not a folder: {root}; expected {self.card.layout}")
        return str(root.resolve())

    def _checked_variant(self, variant: str) -> str:
        return self.card.checked_variant(variant)

    @property
    def label(self) -> str:
        """Name in results: the registered name, and the variant where it is not the default one."""
        return self.card.label(self.variant)

    @property
    def title(self) -> str:
        """Name in tables."""
        if self.variant == self.card.default_variant:
            return self.card.title
        return f"{self.card.title} ({self.variant})"

    @property
    def published(self) -> int | None:
        """Number of samples that the authors publish for this variant, None where they state none."""
        return self.card.published.get(self.variant)

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples, those with a missing partner included."""

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """All samples, in an order that depends on the set alone."""

    def orphans(self) -> Iterator[Problem]:
        """Files that belong to no sample, and other defects that only the index can see."""
        return iter(())

    def select(self, ids: Collection[str]) -> Iterator[Sample]:
        """The samples with these ids, in the set's order.

        Raises:
            UserError: an id is not in the set, with the nearest ids.
        """
        wanted = set(ids)
        chosen = [sample for sample in self.samples() if sample.id in wanted]
        missing = wanted - {sample.id for sample in chosen}
        if missing:
            name = min(missing)
            near = difflib.get_close_matches(name, [sample.id for sample in self.samples()], n=3, cutoff=0.5)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise UserError(f"{self.label} has no sample {one_line(name, 80)!r}{hint}")
        return iter(chosen)
