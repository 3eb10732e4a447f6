"""Parts of a study: exact masks, pairs kept apart, cells."""

from __future__ import annotations

import os

import numpy as np
import pytest

from imlbench.errors import SampleError, UserError
from imlbench.loading import load
from imlbench.samples import Pair
from imlbench.study.cells import Cell, read_cells, write_cells
from imlbench.study.exact import VARIABLE, ExactMasks, masks_of
from imlbench.study.held_out import HeldOut
from imlbench.study.places import corpus_of
from imlbench.synthesis.reading import read_pairs
from tests.training.making_pairs import make_set


def test_exact_masks_are_looked_up_by_the_corpus_ids(tmp_path):
    make_set(tmp_path / "set", 6, side=32)
    corpus = corpus_of(tmp_path / "set", tmp_path / "corpus")
    truth = {sample.id: load(sample).mask for sample in map(sample_of, read_pairs(tmp_path / "set", "train"))}
    assert VARIABLE not in os.environ
    with masks_of(tmp_path / "corpus" / "masks.json"):
        assert ExactMasks.card.weights[0].name == "pairs.jsonl"
        annotator = ExactMasks()
        seen = 0
        for part in corpus.parts():
            for row, pair in enumerate(corpus.pairs(part)):
                pixels = np.zeros((32, 32, 3), np.uint8)
                (mask,) = annotator.annotate([Pair(f"{part.name}#{row}", pixels, pixels)])
                assert np.array_equal(mask, truth[str(pair.source_id)])
                seen += 1
        assert seen == len(truth) == 4
        with pytest.raises(SampleError, match="no such pair"):
            annotator.annotate([Pair("other", pixels, pixels)])
        with pytest.raises(SampleError, match="another size"):
            annotator.annotate([Pair(f"{part.name}#0", pixels[:9], pixels[:9])])
    assert VARIABLE not in os.environ
    with pytest.raises(UserError, match="a study sets it"):
        ExactMasks()


def sample_of(pair):
    from imlbench.training.pairs import as_sample

    return as_sample(pair, os.path.dirname(os.path.dirname(pair.mask)))


def test_held_out_pairs_are_those_of_the_validation_split(tmp_path):
    dataset = HeldOut(make_set(tmp_path / "set", 9))
    samples = list(dataset.samples())
    assert [sample.id for sample in samples] == ["000004", "000005", "000006", "000007", "000008"]
    assert len(dataset) == 5
    assert [sample.scope for sample in samples] == ["local", "local", "local", "authentic", "local"]
    assert samples[0].tags == {"kind": "insertion", "encoding": "composited"}
    assert load(samples[0]).mask.any()
    with pytest.raises(UserError, match="keeps no photograph apart"):
        HeldOut(make_set(tmp_path / "small", 4))


def cell(**changes):
    facts = {
        "detector": "d",
        "annotator": "a",
        "pairs": 0,
        "images": 3,
        "seed": 0,
        "stage": "after",
        "dataset": "x",
        "weights": "00",
        "run_id": "r",
    }
    return Cell(**{**facts, **changes})


def test_cells_come_back_and_the_last_of_a_place_wins(tmp_path):
    assert read_cells(tmp_path) == []
    write_cells(tmp_path, [cell(), cell(seed=1), cell(run_id="new")])
    assert read_cells(tmp_path) == [cell(run_id="new"), cell(seed=1)]


@pytest.mark.parametrize("text", ["{", '[{"detector": "d"}]', "[3]"])
def test_a_damaged_list_of_cells_is_told(tmp_path, text):
    (tmp_path / "cells.json").write_text(text)
    with pytest.raises(UserError, match=r"cells\.json"):
        read_cells(tmp_path)
