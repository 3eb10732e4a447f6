"""The rule parser against a table labelled by hand, and against any text at all."""

import sys
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotators.sigma.parse import NOTHING, Action, Parse
from annotators.sigma.rules import RulesParser, parse_instruction
from annotators.sigma.rules_text import MAX_TEXT
from annotators.sigma.rules_words import DETERMINERS, EDIT_VERBS, MODALS, NEGATIONS, PREPOSITIONS, PRONOUNS, VERBS
from tests.annotators.sigma.instructions_table import TABLE
from tests.annotators.sigma.test_parse import assert_consistent

KNOWN_MISSES = {
    # That the sun sets is known to be a time of day only by who knows the idiom.
    "let the sun set": Parse("sun", "sun", Action.ATTRIBUTE_CHANGE),
    # "Only one" takes the others away; the rules read what is to be there as what is to come.
    "let there be only one canoe": Parse(None, "canoe", Action.ADD),
}
"""Rows of the table that the rules get wrong, and what they answer."""

OTHERS = [
    "cat",
    "hat",
    "red",
    "shirt",
    "man's",
    "image",
    "winter",
    '"stop"',
    ",",
    ".",
    "of",
    "instead",
    "color",
    "one",
    "no",
    "3",
    "is",
    "been",
    "different",
    "where",
]
VOCABULARY = sorted({*DETERMINERS, *EDIT_VERBS, *MODALS, *NEGATIONS, *PREPOSITIONS, *PRONOUNS, *VERBS, *OTHERS})


@pytest.mark.parametrize(("text", "original", "edited", "action"), [row for row in TABLE if row[0] not in KNOWN_MISSES])
def test_the_rules_agree_with_the_hand_label(text, original, edited, action):
    assert parse_instruction(text) == Parse(original, edited, Action(action))


@pytest.mark.parametrize("text", KNOWN_MISSES)
def test_a_known_miss_answers_as_written_down(text):
    assert parse_instruction(text) == KNOWN_MISSES[text]


def test_the_table_is_large_and_of_every_action_and_the_rules_agree_with_nearly_all_of_it():
    assert len({row[0].lower() for row in TABLE}) == len(TABLE) >= 300
    assert min(Counter(row[3] for row in TABLE).values()) >= 30
    right = sum(parse_instruction(text) == Parse(before, after, Action(kind)) for text, before, after, kind in TABLE)
    assert right / len(TABLE) >= 0.99
    assert {row[0] for row in TABLE} >= KNOWN_MISSES.keys()


@pytest.mark.parametrize("text", [row[0] for row in TABLE if row[0].isascii() and '"' not in row[0]])
def test_case_and_closing_punctuation_do_not_matter(text):
    assert parse_instruction(text.upper()) == parse_instruction(text.rstrip(".!?") + " . ") == parse_instruction(text)


def test_concepts_hold_no_determiner_and_are_short():
    for text, *_ in TABLE:
        for concept in parse_instruction(text).concepts:
            assert not set(concept.split()) & {"the", "a", "an", "his", "her", "their", "it", "some"}
            assert len(concept.split()) <= 7


@given(st.text(max_size=300))
@example("let the")
@example("make it so that ")
@example("put on the")
@example("of the of")
@example("instead")
@example("\ud800\udc00 add a \ud83d")
@example("İ" * 700)
def test_no_text_makes_the_parser_raise(text):
    assert_consistent(parse_instruction(text))


@given(st.lists(st.sampled_from(VOCABULARY), max_size=12))
@example(["should", "not", "be", "in"])
@example(["instead", "in", '"x"'])
def test_no_order_of_its_own_words_makes_the_parser_raise(words):
    assert_consistent(parse_instruction(" ".join(words)))


@pytest.mark.parametrize(
    "unit", ["a", "'", '"', "a ", "add a ", "and ", "of the ", "'a' ", "\n", ", ", "one of the ", "x.y-", "İ", "\ud800"]
)
def test_no_text_is_more_work_than_its_beginning_and_the_work_grows_no_faster_than_the_text(unit):
    text = unit * 100_000
    work = {length: calls_while_parsing(text[:length]) for length in (MAX_TEXT // 2, MAX_TEXT, 100_000)}
    # The interpreter's own housekeeping counts too, now and then.
    assert work[100_000] < 1.1 * work[MAX_TEXT] + 50
    assert work[MAX_TEXT] < 3 * work[MAX_TEXT // 2] + 50
    assert parse_instruction(text) == parse_instruction(text[:MAX_TEXT])


def calls_while_parsing(text):
    """How many functions are called, Python's own included: what a clock would tell, on a busy machine too."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        parse_instruction(text)
    finally:
        sys.setprofile(before)
    return calls


def test_no_instruction_is_global():
    assert parse_instruction(None) is NOTHING
    assert parse_instruction("   ") is NOTHING


def test_the_parser_object_reads_as_the_function_and_says_its_version():
    parser = RulesParser()
    assert parser.parse("add a kite") == Parse(None, "kite", Action.ADD)
    assert parser.identity.startswith("rules ")
