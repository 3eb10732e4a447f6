from __future__ import annotations

import pytest

from imlbench.corpora import vocabulary
from imlbench.corpora.vocabulary import EDIT_TYPES, OTHER, SOURCE_NAMES, edit_type
from imlbench.errors import UserError
from imlbench.synthesis.reading import ACTIONS

ANYEDIT = [
    "add",
    "remove",
    "replace",
    "color_alter",
    "appearance_alter",
    "material_change",
    "action_change",
    "textual_change",
    "counting",
    "background_change",
    "tone_transfer",
    "style_change",
    "movement",
    "resize",
    "rotation_change",
    "outpaint",
    "relation",
    "implicit_change",
    "visual_bbox",
    "visual_depth",
    "visual_material_transfer",
    "visual_reference",
    "visual_scribble",
    "visual_segment",
    "visual_sketch",
    "material_alter",
    "tune_transfer",
]
CRISPEDIT = ["add", "background change", "color", "motion change", "remove", "replace", "style"]
OMNIEDIT = ["swap", "style", "attribute_modification", "env", "removal", "addition"]


def test_there_are_24_categories_each_with_a_source():
    assert len(EDIT_TYPES) == 24
    assert set(SOURCE_NAMES) == set(EDIT_TYPES)
    assert {kind.action for kind in EDIT_TYPES.values()} <= {*ACTIONS, None}


@pytest.mark.parametrize("name", [*ANYEDIT, *CRISPEDIT, *OMNIEDIT])
def test_every_published_name_has_a_category(name):
    assert edit_type(name) in EDIT_TYPES


def test_no_source_name_means_two_things():
    names = [vocabulary.normalised(name) for names in SOURCE_NAMES.values() for name in names]
    assert len(names) == len(set(names))


def test_two_names_of_one_type_are_one_category():
    assert edit_type("tone_transfer") == edit_type("tune_transfer") == "tone"
    assert edit_type("material_change") == edit_type("material_alter") == "material"


@pytest.mark.parametrize("name", ["Object Removal", "object-removal", "objectRemoval", "OBJECT_REMOVAL", " removal "])
def test_spelling_does_not_matter(name):
    assert edit_type(name) == "removal"


@pytest.mark.parametrize("name", ["", "???", "teleport", "x" * 10**6, "remove" + " " * 600, "заменить", "other"])
def test_unknown_names_are_other(name):
    assert edit_type(name) == OTHER


def test_a_category_means_itself():
    assert all(edit_type(word) == word for word in EDIT_TYPES)


def test_types_that_break_alignment_are_left_out_unless_asked_for():
    left_out = set(EDIT_TYPES) - set(vocabulary.aligned_types())
    assert left_out == {"outpaint", "rotation", "resize"}
    assert OTHER in vocabulary.aligned_types()
    assert vocabulary.facts("nonsense").word == OTHER


def test_a_list_of_types_may_use_the_sources_names():
    assert vocabulary.chosen_types(["swap", "outpaint", "add", "addition"]) == ("addition", "replacement", "outpaint")
    assert vocabulary.chosen_types([OTHER]) == (OTHER,)
    with pytest.raises(UserError, match="--types: 'teleport' is no edit type; expected some of addition"):
        vocabulary.chosen_types(["add", "teleport"])
