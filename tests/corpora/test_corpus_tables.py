from __future__ import annotations

import gc
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making_corpora import IMAGE, TEXT, after, anyedit, before, cell, damage, picture, shard

from imlbench.corpora import row_groups
from imlbench.corpora.anyedit import AnyEdit
from imlbench.corpora.base import Part
from imlbench.corpora.opening import open_corpus
from imlbench.errors import Reason, SampleError, UserError
from imlbench.sources import BrokenSource

TYPES = ["visual_depth", "visual_depth", "add", "add", "outpaint", "tune_transfer", "no such type"]


def opened(folder: Path, *types: str) -> tuple[AnyEdit, Part]:
    anyedit(folder / "data" / "train-00000-of-00001.parquet", list(types) or TYPES)
    corpus = AnyEdit(folder)
    return corpus, corpus.parts()[0]


def reason(source) -> Reason:
    with pytest.raises(SampleError) as caught:
        source.read()
    return caught.value.reason


def test_anyedit_rows_are_pairs_with_texts_and_bytes_as_stored(tmp_path):
    corpus, part = opened(tmp_path)
    pairs = list(corpus.pairs(part))
    assert part.rows == len(pairs) == len(TYPES)
    assert [pair.id for pair in pairs] == [f"data/train-00000-of-00001.parquet#{row}" for row in range(len(TYPES))]
    assert [pair.source_type for pair in pairs] == TYPES
    words = ["visual-depth", "visual-depth", "addition", "addition", "outpaint", "tone", "other"]
    assert [pair.edit_type for pair in pairs] == words
    for row, pair in enumerate(pairs):
        assert (pair.original.read(), pair.edited.read()) == (before(row), after(row))
        assert (pair.source_id, pair.instruction) == (f"id-{row}", f"instruction {row}")
        assert pair.caption == (f"a scene {row}" if row % 2 else f"another scene {row}")


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (3, 6), (1, 2), (5, None), (6, 99), (4, 4), (9, None)])
def test_a_stretch_is_the_same_stretch_of_the_whole(tmp_path, start, stop):
    corpus, part = opened(tmp_path)
    assert list(corpus.pairs(part, start, stop)) == list(corpus.pairs(part))[start:stop]


def test_a_part_of_unknown_length_ends_where_the_file_does(tmp_path):
    corpus, part = opened(tmp_path)
    unknown = Part(part.name, None, "")
    assert list(corpus.pairs(unknown)) == list(corpus.pairs(unknown, 0, 99)) == list(corpus.pairs(part))


def test_shards_come_in_the_order_of_their_names_and_missing_numbers_are_no_error(tmp_path):
    for number in (7, 0, 3):
        anyedit(tmp_path / "data" / f"train-{number:05d}-of-00009.parquet", ["add"])
    names = [part.name for part in AnyEdit(tmp_path).parts()]
    assert names == [f"data/train-{number:05d}-of-00009.parquet" for number in (0, 3, 7)]


def test_a_variant_takes_its_own_shards(tmp_path):
    anyedit(tmp_path / "data" / "train-00000-of-00001.parquet", ["add"])
    anyedit(tmp_path / "data" / "validation-00000-of-00001.parquet", ["add", "add"])
    anyedit(tmp_path / "more.parquet", ["add"] * 3)
    assert [part.rows for part in AnyEdit(tmp_path).parts()] == [1, 3]
    validation = AnyEdit(tmp_path, "validation")
    assert [part.rows for part in validation.parts()] == [2]
    assert (validation.label, AnyEdit(tmp_path).label) == ("anyedit:validation", "anyedit")
    with pytest.raises(UserError, match="no variant 'dev'; variants: train, validation"):
        AnyEdit(tmp_path, "dev")


def test_a_root_with_other_splits_only_says_which(tmp_path):
    anyedit(tmp_path / "validation-00000-of-00001.parquet", ["add"])
    with pytest.raises(UserError, match="of the split train, found those of validation; for these say anyedit:SPLIT"):
        AnyEdit(tmp_path)


def test_a_corpus_is_opened_by_name_and_travels_to_other_processes(tmp_path):
    _, part = opened(tmp_path)
    corpus = open_corpus("anyedit", tmp_path)
    again = open_corpus(corpus.label, tmp_path)
    copy = pickle.loads(pickle.dumps(corpus))
    assert again.parts() == copy.parts() == [part]
    assert list(copy.pairs(part)) == list(again.pairs(part)) == list(corpus.pairs(part))
    with pytest.raises(UserError, match=r"unknown corpus 'anyedits': did you mean anyedit"):
        open_corpus("anyedits", tmp_path)


def test_a_root_that_holds_nothing_says_what_was_expected(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no such folder: .*missing; expected the hub's shards"):
        AnyEdit(tmp_path / "missing")
    with pytest.raises(UserError, match=r"anyedit: expected the hub's shards .* found nothing"):
        AnyEdit(tmp_path)
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_ANYEDIT", str(tmp_path / "elsewhere"))
    with pytest.raises(UserError, match=r"no such folder: .*elsewhere"):
        open_corpus("anyedit")


def test_the_signature_changes_with_the_file(tmp_path):
    corpus, part = opened(tmp_path)
    assert AnyEdit(tmp_path).parts() == [part]
    anyedit(tmp_path / "data" / "train-00000-of-00001.parquet", ["add"])
    assert corpus.parts()[0].signature != part.signature


def test_a_damaged_image_column_breaks_that_side_of_its_row_group_only(tmp_path):
    corpus, part = opened(tmp_path)
    damage(tmp_path / part.name, 1, "edited_file")
    pairs = list(corpus.pairs(part))
    assert [isinstance(pair.edited, BrokenSource) for pair in pairs] == [False, False, True, True, False, False, False]
    assert reason(pairs[2].edited) == Reason.UNREADABLE
    assert pairs[2].original.read() == before(2)
    assert pairs[3].instruction == "instruction 3"
    # What is lost does not depend on where reading began.
    assert list(corpus.pairs(part, 3)) == pairs[3:]


@pytest.mark.parametrize("column", ["edit_instruction", "edit_type", "image_id", "output"])
def test_a_damaged_text_breaks_the_pair_lest_it_be_annotated_without(tmp_path, column):
    corpus, part = opened(tmp_path)
    damage(tmp_path / part.name, 0, column)
    pairs = list(corpus.pairs(part))
    assert len(pairs) == len(TYPES)
    assert [reason(source) for source in (pairs[0].original, pairs[1].edited)] == [Reason.UNREADABLE] * 2
    assert pairs[2].original.read() == before(2)


def test_all_damaged_row_groups_still_give_every_row(tmp_path):
    corpus, part = opened(tmp_path)
    for group in range(4):
        damage(tmp_path / part.name, group, "image_file")
    assert [reason(pair.original) for pair in corpus.pairs(part)] == [Reason.UNREADABLE] * len(TYPES)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all" * 10, b"PAR1" + b"\0" * 90 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_named(tmp_path, content):
    opened(tmp_path)
    (tmp_path / "data" / "train-00001-of-00003.parquet").write_bytes(content)
    (tmp_path / "data" / "train-00002-of-00003.parquet").write_bytes(content)
    whole, *broken = AnyEdit(tmp_path).parts()
    assert (whole.rows, whole.broken) == (len(TYPES), "")
    for number, part in enumerate(broken, 1):
        assert part.rows is None
        assert part.broken.startswith(f"anyedit: data/train-0000{number}-of-00003.parquet cannot be read as Parquet")
        assert part.broken.endswith("fetch the file again or take it away")
        assert "\n" not in part.broken


def test_a_file_cut_off_after_it_was_listed_keeps_all_rows_on_record(tmp_path):
    corpus, part = opened(tmp_path)
    path = tmp_path / part.name
    path.write_bytes(path.read_bytes()[:-200])
    pairs = list(corpus.pairs(part, 2))
    assert [pair.id for pair in pairs] == [f"{part.name}#{row}" for row in range(2, 7)]
    assert {reason(pair.original) for pair in pairs} == {Reason.UNREADABLE}
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        list(corpus.pairs(Part(part.name, None, "")))


def test_a_file_that_vanished_or_shrank_keeps_all_rows_on_record(tmp_path):
    corpus, part = opened(tmp_path)
    anyedit(tmp_path / part.name, ["add"] * 3)
    shrunk = list(corpus.pairs(part, 1))
    assert [isinstance(pair.original, BrokenSource) for pair in shrunk] == [False, False, True, True, True, True]
    assert "has fewer rows than when it was listed" in shrunk[-1].edited.message
    (tmp_path / part.name).unlink()
    assert [reason(pair.original) for pair in corpus.pairs(part, 0, 2)] == [Reason.MISSING_FILE] * 2


def test_a_part_of_another_corpus_is_refused(tmp_path):
    corpus, _ = opened(tmp_path)
    with pytest.raises(UserError, match="no such file below"):
        corpus.pairs(Part("../../secret.parquet", 3, ""))


def test_a_link_out_of_the_root_is_refused(tmp_path):
    outside = anyedit(tmp_path / "outside.parquet", ["add"])
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "train-0.parquet").symlink_to(outside)
    assert "leads out of the dataset's root; refused" in AnyEdit(tmp_path / "root").parts()[0].broken


def test_lacking_columns_and_columns_of_another_kind_are_named(tmp_path):
    path = tmp_path / "train-0.parquet"
    shard(path, {"image_file": (IMAGE, [cell(b"")]), "edit_type": (TEXT, ["add"])})
    assert "has no column edit_instruction, edited_file" in AnyEdit(tmp_path).parts()[0].broken
    columns = {name: (TEXT, ["x"]) for name in ("image_file", "edited_file", "edit_type", "edit_instruction")}
    shard(path, columns)
    assert "the column image_file is string, expected images" in AnyEdit(tmp_path).parts()[0].broken


def test_nulls_in_any_place_are_broken_sources_or_absent_texts(tmp_path):
    columns = {
        "image_file": (IMAGE, [None, cell(None), cell(None, "/etc/passwd"), cell(b"")]),
        "edited_file": (IMAGE, [cell(picture(0))] * 4),
        "edit_type": (TEXT, [None, "", "  ", "add"]),
        "edit_instruction": (TEXT, [None, "", " \n", "add a hat"]),
    }
    shard(tmp_path / "train-0.parquet", columns)
    corpus = AnyEdit(tmp_path)
    pairs = list(corpus.pairs(corpus.parts()[0]))
    assert [pair.instruction for pair in pairs] == [None, None, None, "add a hat"]
    assert [pair.edit_type for pair in pairs] == ["other", "other", "other", "addition"]
    assert [pair.source_id for pair in pairs] == [""] * 4
    assert [reason(pair.original) for pair in pairs[:3]] == [Reason.MISSING_PARTNER] * 3
    assert "only the path '/etc/passwd', whose file is not in the shard" in pairs[2].original.message
    assert pairs[3].original.read() == b""


def test_text_that_is_no_utf8_or_of_another_type_is_read_as_far_as_it_goes(tmp_path):
    bad = pa.Array.from_buffers(TEXT, 1, pa.array([b"caf\xe9 wall"], pa.binary()).buffers())
    table = pa.table(
        {
            "image_file": pa.array([before(0)], pa.large_binary()),
            "edited_file": pa.array([after(0)]),
            "edit_type": pa.array(["add"]).dictionary_encode(),
            "edit_instruction": bad,
            "image_id": pa.array([12345]),
            "input": pa.array([[1, 2]]),
        }
    )
    pq.write_table(table, tmp_path / "train-0.parquet")
    corpus = AnyEdit(tmp_path)
    (pair,) = corpus.pairs(corpus.parts()[0])
    assert (pair.instruction, pair.source_id, pair.caption) == ("caf\ufffd wall", "12345", None)
    assert (pair.edit_type, pair.original.read(), pair.edited.read()) == ("addition", before(0), after(0))


def test_an_image_above_the_limit_is_recorded(tmp_path, monkeypatch):
    corpus, part = opened(tmp_path)
    monkeypatch.setattr("imlbench.corpora.cells.MAX_FILE_BYTES", len(after(0)) - 1)
    pairs = list(corpus.pairs(part))
    assert reason(pairs[0].edited) == Reason.TOO_LARGE


def test_a_footer_with_absurd_numbers_of_rows_is_refused(tmp_path, monkeypatch):
    corpus, _ = opened(tmp_path)
    monkeypatch.setattr("imlbench.corpora.row_groups.ROWS_PER_BYTE", 0)
    assert "the footer contradicts itself: 7 rows" in corpus.parts()[0].broken


def test_no_damage_to_a_file_ends_the_process_or_loses_a_row(tmp_path):
    corpus, part = opened(tmp_path)
    path = tmp_path / part.name
    whole, random = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for place in random.integers(1, 3000, random.integers(1, 6)):
            data[-min(place, len(data))] = random.integers(256)
        path.write_bytes(data)
        assert len(list(corpus.pairs(part))) == len(TYPES)
        refused += bool(corpus.parts()[0].broken)
    assert 0 < refused < 150


def test_an_empty_shard_is_a_part_without_rows(tmp_path):
    anyedit(tmp_path / "train-0.parquet", [])
    corpus = AnyEdit(tmp_path)
    part = corpus.parts()[0]
    assert (part.rows, list(corpus.pairs(part))) == (0, [])


def test_file_names_that_cannot_be_printed_have_names_that_can(tmp_path):
    anyedit(tmp_path / "train-\n\x1b[31m.parquet", ["add"])
    corpus = AnyEdit(tmp_path)
    part = corpus.parts()[0]
    assert part.name == r"train-\n\x1b[31m.parquet"
    assert [pair.id for pair in corpus.pairs(part)] == [rf"{part.name}#0"]


def test_two_files_never_share_a_name(tmp_path):
    for name in ("train-\n.parquet", r"train-\n.parquet"):
        anyedit(tmp_path / name, ["add"])
    assert len({part.name for part in AnyEdit(tmp_path).parts()}) == 2


def test_batches_of_images_are_bounded_and_give_the_same_rows(tmp_path, monkeypatch):
    anyedit(tmp_path / "train-0.parquet", ["add"] * 9, rows_per_group=5)
    corpus = AnyEdit(tmp_path)
    part = corpus.parts()[0]
    whole = list(corpus.pairs(part))
    monkeypatch.setattr(row_groups, "BATCH_BYTES", 1)
    assert list(corpus.pairs(part)) == whole
    assert list(corpus.pairs(part, 3, 7)) == whole[3:7]


def test_memory_of_arrow_does_not_grow_with_the_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr(row_groups, "BATCH_BYTES", 1 << 17)
    monkeypatch.setattr(row_groups, "PAGE_BUFFER", 1 << 16)
    columns = {
        "image_file": (IMAGE, [cell(bytes([row % 256]) * 20_000) for row in range(600)]),
        "edited_file": (IMAGE, [cell(bytes([row % 256]) * 20_000) for row in range(600)]),
        "edit_type": (TEXT, ["add"] * 600),
        "edit_instruction": (TEXT, ["x"] * 600),
    }
    pages = {"compression": "none", "use_dictionary": False, "data_page_size": 1 << 16, "write_batch_size": 4}
    shard(tmp_path / "train-0.parquet", columns, 600, **pages)
    corpus = AnyEdit(tmp_path)
    gc.collect()
    start, most = pa.total_allocated_bytes(), 0
    for _ in corpus.pairs(corpus.parts()[0]):
        most = max(most, pa.total_allocated_bytes() - start)
    # Both columns of the row group are 24 MB.
    assert 0 < most < 5_000_000
