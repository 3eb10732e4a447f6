"""The loaders on real copies of the published sets."""

from pathlib import Path

import numpy as np
import pytest

from imlbench.datasets.cocoglide import CoCoGlide
from imlbench.datasets.deal300k import DEAL300K
from imlbench.loading import load
from imlbench.masks import WHITE

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason="the private data folder shared/data is not beside the project"),
]


def test_cocoglide_holds_512_composited_edits():
    dataset = CoCoGlide(DATA / "CoCoGlide")
    samples = list(dataset.samples())
    assert len(dataset) == len(samples) == len({sample.id for sample in samples}) == 512
    assert list(dataset.orphans()) == []
    assert len({sample.tags["class"] for sample in samples}) == 73
    for sample in samples:
        loaded = load(sample)
        assert loaded.mask.shape == (256, 256)
        assert 0.019 <= loaded.mask.mean() <= 1
        difference = loaded.outside_difference()
        assert difference is None or difference <= 1


def test_deal300k_holds_two_triples():
    dataset = DEAL300K(DATA / "DEAL-300K")
    samples = list(dataset.samples())
    assert [sample.id for sample in samples] == ["000000000009_qwen120", "000000436795_qwen180"]
    assert list(dataset.orphans()) == []
    for sample in samples:
        loaded = load(sample)
        assert loaded.original is not None
        assert sample.mask_rule == WHITE
        assert sample.instruction is None
        assert 0.03 <= loaded.mask.mean() <= 0.3
        # The editor re-renders the whole frame.
        outside = ~loaded.mask
        changed = np.abs(loaded.original[outside].astype(int) - loaded.edited[outside]).mean()
        assert 3 <= changed <= 32
