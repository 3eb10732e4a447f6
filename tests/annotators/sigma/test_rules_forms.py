"""The rule parser on questions, wishes, chains, typos and the synthesiser's own sentences."""

import pytest

from annotators.sigma.parse import Action, Parse
from annotators.sigma.rules import parse_instruction
from imlbench.synthesis.words import TEMPLATES, with_article
from tests.annotators.sigma.instructions_forms import BLIND, FORMS, HARDER, KNOWN_MISSES
from tests.annotators.sigma.instructions_table import TABLE

ROWS = FORMS + HARDER + BLIND
PLACES = ("in the upper left", "at the bottom", "on the right", "in the middle")
NOUNS = ("dog", "traffic light", "person", "thing", "object in the lower left", "umbrella")


def right(row):
    text, original, edited, action = row
    return parse_instruction(text) == Parse(original, edited, Action(action))


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] not in KNOWN_MISSES], ids=lambda row: row[0])
def test_the_rules_agree_with_the_hand_label(row):
    text, original, edited, action = row
    assert parse_instruction(text) == Parse(original, edited, Action(action))


@pytest.mark.parametrize("text", KNOWN_MISSES)
def test_a_known_miss_answers_as_written_down(text):
    original, edited, action = KNOWN_MISSES[text]
    assert parse_instruction(text) == Parse(original, edited, Action(action))


def test_the_rules_reach_their_first_sight_accuracy_on_the_blind_table():
    assert len(BLIND) == 60
    assert sum(map(right, BLIND)) >= 52
    assert sum(parse_instruction(row[0]).action.value == row[3] for row in BLIND) >= 54
    assert {row[0] for row in BLIND if not right(row)} == KNOWN_MISSES.keys()


def test_no_instruction_stands_in_two_tables():
    texts = [row[0].lower() for row in ROWS + TABLE]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("text", [row[0] for row in ROWS if row[0].isascii() and '"' not in row[0]])
def test_case_and_closing_punctuation_do_not_matter(text):
    assert parse_instruction(text.upper()) == parse_instruction(text.rstrip(".!?") + " . ") == parse_instruction(text)


@pytest.mark.parametrize(
    ("text", "parse"),
    [
        ("remove the dog, then erase the cat", Parse("dog and cat", None, Action.REMOVE)),
        ("add a kite, then add a kite", Parse(None, "kite", Action.ADD)),
        (
            "make the cup red, then make the jug blue",
            Parse("cup and jug", "red cup and blue jug", Action.ATTRIBUTE_CHANGE),
        ),
        ("add a kite, then remove the dog", Parse(None, "kite", Action.ADD)),
        ("there is a fly on the lens, take it out", Parse("fly", None, Action.REMOVE)),
    ],
)
def test_edits_of_one_kind_are_one_and_of_different_kinds_the_first(text, parse):
    assert parse_instruction(text) == parse


def test_edits_of_one_kind_that_name_too_much_for_one_phrase_are_the_first_alone():
    text = "remove the tall red brick house, then remove the small blue wooden boat"
    assert parse_instruction(text) == Parse("tall red brick house", None, Action.REMOVE)


def spoken(key, original, edited, quality, where):
    """Every sentence of a template."""
    article = with_article(edited)
    return [
        text.format(the_o=f"the {original}", a_e=article, e=edited, quality=quality, where=where)
        for text in TEMPLATES[key]
    ]


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(
    ("key", "action", "qualities"),
    [
        ("remove", Action.REMOVE, ("",)),
        ("replace", Action.REPLACE, ("",)),
        ("attribute", Action.ATTRIBUTE_CHANGE, ("red", "turquoise", "darker")),
        ("material", Action.ATTRIBUTE_CHANGE, ("wood", "stripes", "a different texture")),
    ],
)
def test_the_synthesisers_sentences_about_a_thing_mean_their_action_and_that_thing(noun, key, action, qualities):
    bare = noun.split(" in ")[0]
    for edited in ("vase", "something else", f"different {noun}"):
        for quality in qualities:
            for text in spoken(key, noun, edited, quality, "at the top"):
                parse = parse_instruction(text)
                assert (parse.action, parse.original) == (action, bare), text


@pytest.mark.parametrize("where", PLACES)
def test_the_synthesisers_additions_name_what_comes(where):
    for noun in ("dog", "traffic light", "umbrella"):
        for text in spoken("add", noun, noun, "", where) + spoken("duplicate", noun, noun, "", where):
            assert parse_instruction(text) == Parse(None, noun, Action.ADD), text
    for text in spoken("text", "dog", "dog", "Happy NEW", where):
        assert parse_instruction(text) == Parse(None, "text", Action.ADD), text


@pytest.mark.parametrize("quality", ["different scene", "plain red backdrop", "blue gradient", "green haze"])
def test_the_synthesisers_backgrounds_replace_the_background(quality):
    for noun in NOUNS[:3]:
        for text in spoken("background", noun, noun, with_article(quality), ""):
            assert parse_instruction(text) == Parse("background", quality, Action.REPLACE), text
