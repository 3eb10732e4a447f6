"""The originals of a set of pairs as authentic images of it, so that false alarms can be told from finds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from imlbench.datasets.base import Dataset, Problem
from imlbench.samples import Sample
from imlbench.sources import BrokenSource

if TYPE_CHECKING:
    from collections.abc import Set

PREFIX = "original:"
"""Begins the id of an original that is a sample of its own; the id of the first sample with this original follows."""
FIRST_TURN = "1"


class WithOriginals(Dataset):
    """A dataset whose originals follow its own samples, each once, as samples in which nothing is edited.

    Left out are originals that are missing, that are the edited image of another sample, and those of a later turn of
    a sequence of edits (tag "turn"), which were edited before.

    Args:
        dataset: an opened dataset; name, version and root are its own, so that its runs are continued.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.root = dataset.root
        self.variant = dataset.variant
        # The class has no card of its own: every wrapped dataset has another one.
        self.__dict__["card"] = dataset.card

    @property
    def label(self) -> str:
        return self._dataset.label

    @property
    def title(self) -> str:
        return self._dataset.title

    @property
    def published(self) -> int | None:
        return self._dataset.published

    def __len__(self) -> int:
        return len(self._dataset) + self._number

    @cached_property
    def _number(self) -> int:
        return sum(1 for _ in self.originals())

    @cached_property
    def _edited(self) -> Set[str]:
        """Names of the edited images."""
        return {sample.edited.name for sample in self._dataset.samples()}

    def samples(self) -> Iterator[Sample]:
        yield from self._dataset.samples()
        yield from self.originals()

    def originals(self) -> Iterator[Sample]:
        """The originals, each once, in the order of the samples that they belong to."""
        met: set[str] = set()
        for sample in self._dataset.samples():
            source = sample.original
            if source is None or isinstance(source, BrokenSource) or source.name in met:
                continue
            if source.name in self._edited or sample.tags.get("turn", FIRST_TURN) != FIRST_TURN:
                continue
            met.add(source.name)
            yield Sample(f"{PREFIX}{sample.id}", source, tags=sample.tags, scope="authentic")

    def orphans(self) -> Iterator[Problem]:
        return self._dataset.orphans()
