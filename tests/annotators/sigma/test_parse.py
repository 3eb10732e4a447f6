"""The contract of a parse: what parsers answer becomes one consistent meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.sigma.parse import (
    MAX_CONCEPT,
    NOTHING,
    Action,
    Parse,
    normalised,
    normalised_action,
    normalised_concept,
)

ANYTHING = st.none() | st.text() | st.integers() | st.lists(st.text()) | st.sampled_from(["null", "", "red car"])


@pytest.mark.parametrize(
    "absent", [None, "", "null", "None", " NULL ", "n/a", '"null"', "...", 3, ["hat"], {}, True, "42"]
)
def test_null_empty_and_what_is_no_text_are_absent(absent):
    assert normalised_concept(absent) is None


@pytest.mark.parametrize(
    ("raw", "concept"),
    [
        ("Red Car", "red car"),
        ("  red \n car. ", "red car"),
        ('"a" hat', 'a" hat'),
        ("snow present", "snow"),
        ("dog is present.", "dog"),
        ("present", None),
        ("birthday present", "birthday"),
        ("presents", "presents"),
        ("man's hat", "man's hat"),
        ("犬", "犬"),
        ("red\ud800car\x00", "red car"),
    ],
)
def test_concepts_are_lower_case_on_one_line_without_a_trailing_present(raw, concept):
    assert normalised_concept(raw) == concept


def test_a_concept_that_runs_on_is_cut_at_a_word():
    cut = normalised_concept("purple balloon " * 10_000)
    assert cut is not None
    assert len(cut) <= MAX_CONCEPT
    assert set(cut.split()) == {"purple", "balloon"}


@pytest.mark.parametrize(
    ("raw", "action"),
    [
        ("add", Action.ADD),
        ("REMOVE.", Action.REMOVE),
        ("attribute change", Action.ATTRIBUTE_CHANGE),
        ("Attribute-Change", Action.ATTRIBUTE_CHANGE),
        ("attribute_change", Action.ATTRIBUTE_CHANGE),
        ("replace", Action.REPLACE),
        ("global", Action.GLOBAL),
        ("move", Action.GLOBAL),
        ("", Action.GLOBAL),
        (None, Action.GLOBAL),
        (7, Action.GLOBAL),
    ],
)
def test_an_unknown_action_is_global(raw, action):
    assert normalised_action(raw) is action


@pytest.mark.parametrize("action", ["replace", "attribute change"])
def test_replace_and_attribute_change_with_one_concept_take_the_other_ones_rule(action):
    assert normalised("cup", "mug", action) == Parse("cup", "mug", Action(action))
    assert normalised(None, "mug", action) == Parse(None, "mug", Action.ADD)
    assert normalised("cup", "null", action) == Parse("cup", None, Action.REMOVE)
    assert normalised("", None, action) == NOTHING


def test_an_action_without_its_concept_is_global():
    assert normalised("cup", None, "add") == NOTHING
    assert normalised(None, "cup", "remove") == NOTHING
    assert normalised("sky", "dark sky", "global") == NOTHING


def test_an_addition_has_no_original_and_a_removal_no_edited_concept():
    assert normalised("man", "hat", "add") == Parse(None, "hat", Action.ADD)
    assert normalised("hat", "man", "remove") == Parse("hat", None, Action.REMOVE)


def test_the_concepts_present_come_the_originals_first():
    assert Parse("cup", "mug", Action.REPLACE).concepts == ("cup", "mug")
    assert Parse(None, "mug", Action.ADD).concepts == ("mug",)
    assert NOTHING.concepts == ()


@given(ANYTHING, ANYTHING, ANYTHING | st.sampled_from(list(Action)))
def test_any_answer_gives_a_consistent_parse(original, edited, action):
    assert_consistent(normalised(original, edited, action))


def assert_consistent(parse):
    present = {
        Action.ADD: (False, True),
        Action.REMOVE: (True, False),
        Action.REPLACE: (True, True),
        Action.ATTRIBUTE_CHANGE: (True, True),
        Action.GLOBAL: (False, False),
    }
    assert (parse.original is not None, parse.edited is not None) == present[parse.action]
    for concept in parse.concepts:
        assert concept == concept.strip()
        assert 0 < len(concept) <= MAX_CONCEPT
        assert concept.isprintable()
        assert normalised_concept(concept) is not None
