from __future__ import annotations

import pytest
from making_corpora import IMAGE, TEXT, after, before, cell, crispedit, omniedit, promptfix, shard

from imlbench.corpora.crispedit import CrispEdit
from imlbench.corpora.omniedit import OmniEdit, finer_type
from imlbench.corpora.promptfix import PromptFix
from imlbench.errors import UserError


def all_pairs(corpus):
    return [pair for part in corpus.parts() for pair in corpus.pairs(part)]


def test_crispedit_shards_have_spaces_gaps_and_few_rows(tmp_path):
    crispedit(tmp_path / "data" / "add_01210.parquet", "add", 3)
    crispedit(tmp_path / "data" / "add_01212.parquet", "add", 1)
    crispedit(tmp_path / "data" / "background change_00000.parquet", "background change", 2)
    crispedit(tmp_path / "data" / "motion change_00000.parquet", "motion change", 1)
    pairs = all_pairs(CrispEdit(tmp_path))
    assert [pair.edit_type for pair in pairs] == ["addition"] * 4 + ["background"] * 2 + ["action"]
    assert pairs[4].id == "data/background change_00000.parquet#0"
    assert pairs[5].instruction == "background change 1"
    assert (pairs[2].original.read(), pairs[2].edited.read()) == (before(2), after(2))
    assert {pair.source_id for pair in pairs} == {""}


def test_a_crispedit_row_without_type_has_that_of_its_shard(tmp_path):
    crispedit(tmp_path / "motion change_00007.parquet", None, 1)
    columns = {"input_img": (IMAGE, [cell(b"a")]), "output_img": (IMAGE, [cell(b"b")]), "instruction": (TEXT, ["x"])}
    shard(tmp_path / "style_00001.parquet", columns)
    assert [pair.source_type for pair in all_pairs(CrispEdit(tmp_path))] == ["motion change", "style"]


def test_omniedit_takes_the_first_prompt_that_is_not_blank(tmp_path):
    rows = [
        ("task_obj_add_303148", "addition", ["Add a boat.", "Add a small wooden boat to the lake."]),
        ("task_obj_swap_1", "swap", ["", None, "Swap the cat for a dog."]),
        ("env_2", "env", []),
        ("style_3", "style", None),
    ]
    omniedit(tmp_path / "data" / "train-00000-of-00571.parquet", rows)
    pairs = all_pairs(OmniEdit(tmp_path))
    assert [pair.instruction for pair in pairs] == ["Add a boat.", "Swap the cat for a dog.", None, None]
    assert [pair.edit_type for pair in pairs] == ["addition", "replacement", "tone", "style"]
    assert [pair.source_id for pair in pairs] == [name for name, _, _ in rows]
    assert (pairs[3].original.read(), pairs[3].edited.read()) == (before(3), after(3))


@pytest.mark.parametrize(
    ("task", "source_id", "word"),
    [
        ("attribute_modification", "attr_mod_color_17", "colour"),
        ("attribute_modification", "task_attr_mod_texture_00", "material"),
        ("attribute_modification", "attr_mod_17_x9", "appearance"),
        ("attribute_modification", "", "appearance"),
        ("removal", "attr_mod_color_17", "removal"),
        ("brand new task", "remove_1", "removal"),
        ("brand new task", "77", "other"),
        ("", "../../../" * 200, "other"),
    ],
)
def test_omniedit_ids_tell_what_the_task_leaves_open(task, source_id, word):
    assert finer_type(task, source_id) == word


def test_omniedit_has_a_dev_split(tmp_path):
    omniedit(tmp_path / "data" / "dev-00000-of-00003.parquet", [("a_1", "swap", ["x"])])
    assert len(all_pairs(OmniEdit(tmp_path, "dev"))) == 1
    with pytest.raises(UserError, match="expected shards of the split train, found those of dev"):
        OmniEdit(tmp_path)


def test_promptfix_originals_are_the_side_with_the_object(tmp_path):
    promptfix(tmp_path / "train-0.parquet", ["Deblur", "object removal", "Low-Light", "watermark_removal", "new"])
    pairs = all_pairs(PromptFix(tmp_path))
    assert [pair.source_type for pair in pairs] == ["Deblur", "object removal", "Low-Light", "watermark_removal", "new"]
    assert [pair.edit_type for pair in pairs] == ["restoration", "removal", "restoration", "removal", "other"]
    assert (pairs[1].original.read(), pairs[1].edited.read()) == (before(1), after(1))
    assert (pairs[0].instruction, pairs[0].caption) == ("do Deblur", "about Deblur")


def test_cards_state_the_published_rows(tmp_path):
    crispedit(tmp_path / "style_0.parquet", "style", 1)
    assert CrispEdit(tmp_path).published == 2286540
    assert (PromptFix.card.published[""], OmniEdit.card.published) == (1013320, {"train": 1202797, "dev": 700})
