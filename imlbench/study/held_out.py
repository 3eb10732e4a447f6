"""The pairs of a synthesised set whose photographs are kept apart, as a dataset to evaluate on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset
from imlbench.errors import UserError
from imlbench.masks import WHITE
from imlbench.samples import Sample
from imlbench.sources import FileSource
from imlbench.synthesis.reading import SynthPair, read_pairs


class HeldOut(Dataset):
    """Samples are the pairs of the split `validation`; the tag `encoding` tells re-encoded edits from composited ones.

    Args:
        root: folder of `imlbench synth`.

    Raises:
        UserError: it is no finished set, or keeps no photograph apart.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="held-out",
        title="held out",
        version="1",
        summary="the photographs that a synthesised set keeps apart",
        licence="the photographs'",
        citation="none",
        mask_rule=f"exact, {WHITE}",
        # Training sets have the same layout.
        evaluation_only=False,
        layout="what `imlbench synth` writes",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        self._pairs = read_pairs(self.root, "validation")
        if not self._pairs:
            raise UserError(f"held-out: {self.root} keeps no photograph apart; make a set with more photographs")

    def __len__(self) -> int:
        return len(self._pairs)

    def samples(self) -> Iterator[Sample]:
        for pair in self._pairs:
            yield self._sample(pair)

    def _sample(self, pair: SynthPair) -> Sample:
        edited, original, mask = (
            FileSource(self.root, os.path.relpath(path, self.root)) for path in (pair.edited, pair.original, pair.mask)
        )
        encoding = "re-encoded" if pair.encoding.get("edited") else "composited"
        sample = Sample(pair.id, edited, original, mask, WHITE, pair.instruction)
        sample = replace(sample, tags={"kind": pair.kind, "encoding": encoding})
        return replace(sample, mask=None, mask_rule=None, scope="authentic") if pair.zero_edit else sample
