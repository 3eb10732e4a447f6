from __future__ import annotations

import dataclasses

import pyarrow.parquet as pq
import pytest
from making_corpora import after, before

from imlbench.corpora.anyedit import AnyEdit
from imlbench.corpora.vocabulary import OTHER
from imlbench.corpora.writing import BY_KIND, source_type, write_anyedit
from imlbench.errors import UserError
from imlbench.synthesis.reading import ACTIONS, SynthPair
from imlbench.synthesis.recipe import KIND_WEIGHTS


def synthesised(folder, count):
    kinds = (("removal", "remove"), ("insertion", "add"), ("recolouring", "attribute change"))
    for row in range(count):
        (folder / f"{row}-original.jpg").write_bytes(before(row))
        (folder / f"{row}-edited.png").write_bytes(after(row))
    return [
        SynthPair(
            id=f"{row:06d}",
            original=folder / f"{row}-original.jpg",
            edited=folder / f"{row}-edited.png",
            mask=folder / "mask.png",
            source="photo.jpg",
            action=kinds[row % 3][1],
            instruction=None if row == 4 else f"instruction {row}",
            concept_original=None,
            concept_edited=None,
            kind=kinds[row % 3][0],
            encoding={},
            seed=0,
            width=16,
            height=12,
            zero_edit=False,
            split="train",
            source_sha256="",
        )
        for row in range(count)
    ]


def test_what_is_written_is_read_back_in_blocks_by_type(tmp_path):
    pairs = synthesised(tmp_path, 8)
    paths = write_anyedit(pairs, tmp_path / "corpus", rows_per_shard=3, rows_per_group=2)
    assert [path.name for path in paths] == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    corpus = AnyEdit(tmp_path / "corpus")
    assert [part.rows for part in corpus.parts()] == [3, 3, 2]
    found = [pair for part in corpus.parts() for pair in corpus.pairs(part)]
    assert [pair.source_id for pair in found] == [f"{row:06d}" for row in (1, 4, 7, 2, 5, 0, 3, 6)]
    assert [pair.edit_type for pair in found] == ["addition"] * 3 + ["colour"] * 2 + ["removal"] * 3
    for pair in found:
        row = int(pair.source_id)
        assert (pair.original.read(), pair.edited.read()) == (before(row), after(row))
        assert pair.instruction == (None if row == 4 else f"instruction {row}")


def test_row_groups_are_small_and_the_bytes_are_the_same_again(tmp_path):
    pairs = synthesised(tmp_path, 5)
    (first,) = write_anyedit(pairs, tmp_path / "a", rows_per_group=2)
    (second,) = write_anyedit(list(reversed(pairs)), tmp_path / "b", rows_per_group=2)
    assert pq.read_metadata(first).num_row_groups == 3
    assert first.read_bytes() == second.read_bytes()


def test_every_kind_and_action_has_a_type_of_the_vocabulary(tmp_path):
    (pair,) = synthesised(tmp_path, 1)
    made = [
        dataclasses.replace(pair, action=action, kind=kind)
        for action in ACTIONS
        for kind in (*KIND_WEIGHTS, "none", "removal+insertion")
    ]
    from imlbench.corpora.vocabulary import edit_type

    assert OTHER not in {edit_type(source_type(each)) for each in made}
    assert set(BY_KIND) <= set(KIND_WEIGHTS)


def test_lacking_files_and_no_pairs_are_errors_and_leave_no_half_shard(tmp_path):
    with pytest.raises(UserError, match="no pairs to write"):
        write_anyedit([], tmp_path / "corpus")
    pairs = synthesised(tmp_path, 3)
    pairs[2].edited.unlink()
    with pytest.raises(UserError, match=r"2-edited.png: cannot be read"):
        write_anyedit(pairs, tmp_path / "corpus")
    assert list((tmp_path / "corpus").rglob("*.parquet")) == []
