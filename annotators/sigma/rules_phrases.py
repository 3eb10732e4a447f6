"""Noun phrases for the rule parser: from words to a concept that an open-vocabulary detector can look for."""

from __future__ import annotations

from collections.abc import Sequence

from annotators.sigma.rules_text import QUOTE
from annotators.sigma.rules_words import (
    ADJECTIVES,
    ADVERBS,
    CLAUSE_WORDS,
    COLOURS,
    DEFINITE,
    DETERMINERS,
    ED_NOUNS,
    GARMENTS,
    INDEFINITE,
    ING_NOUNS,
    IRREGULAR_PLURALS,
    MATERIALS,
    NUMBERS,
    ORDINALS,
    POSES,
    POSSESSIVE,
    PREPOSITIONS,
    PRONOUNS,
    QUANTITIES,
    TEXTS,
    VERBS,
)

Words = Sequence[str]

MAX_WORDS = 7
"""Words of a concept; a longer phrase is no description of one thing."""

_ADJECTIVE_ENDINGS = ("less", "ful", "ous", "-colored", "-coloured")
_TRAILING = ADVERBS | {"and", "or", ",", "of", "in", "with"}
_EMPTY = frozenset(("of", ",", "no", "only", "exactly", "just"))
_LINKS = frozenset(("and", ",", "or"))


def concept(words: Words) -> str | None:
    """The head of a phrase with what distinguishes it: no determiners, no place, no relative clause.

    Pronouns are no concept; words that are quoted or called words become "text".
    """
    words = without_quantity(without_determiners(words))
    if not words or (words[0] in PRONOUNS and len(words) < 3):
        return None
    if words[0] == QUOTE and len(words) < 2:
        return "text"
    kept = before_modifiers(words)
    if any(word in TEXTS for word in kept):
        return "text"
    kept = [word for word in kept if keeps(word)]
    while kept and kept[-1] in _TRAILING and kept[-1] not in COLOURS:
        kept.pop()
    while kept and (kept[0] in _TRAILING or kept[0] in PRONOUNS):
        kept.pop(0)
    return " ".join(kept[:MAX_WORDS]).replace(" ,", ",") or None


def keeps(word: str) -> bool:
    """Whether a word may stand within a concept."""
    return word not in DETERMINERS - {"one"} and word != QUOTE and not word[0].isdigit() and word[0] != "#"


def without_determiners(words: Words) -> list[str]:
    """Without articles, possessive pronouns, numbers and "one of the" at the beginning."""
    rest = list(words)
    while rest and (rest[0] in DETERMINERS | _EMPTY or rest[0].isdigit()):
        article = rest.pop(0)
        if article == "a" and len(rest) > 1 and rest[0] in ORDINALS:
            rest.pop(0)
    return rest


def without_quantity(words: list[str]) -> list[str]:
    """Without "group of", "pair of" and the like, which name no thing of their own."""
    while len(words) > 2 and words[1] == "of" and words[0] in QUANTITIES:
        words = without_determiners(words[2:])
    if len(words) > 3 and words[2] == "of" and words[1] in QUANTITIES and words[0] in ADJECTIVES:
        return without_determiners(words[3:])
    return words


def before_modifiers(words: Words) -> list[str]:
    """The words up to a place, a participle or a relative clause that follows the head."""
    for index, word in enumerate(words):
        if word in CLAUSE_WORDS or (index and is_modifier(words, index)):
            return list(words[:index])
    return list(words)


def is_modifier(words: Words, index: int) -> bool:
    """Whether what begins at `index` describes the noun before it."""
    word, following = words[index], words[index + 1 : index + 2]
    if word == "of":
        return False
    if word == "in":
        return not is_garment(words[index + 1 : index + 5])
    if word in PREPOSITIONS or word == QUOTE:
        return True
    if word == ",":
        described = is_adjective(words[index - 1]) and following and is_adjective(following[0])
        return not (described or is_listed(words[index + 1 : index + 1 + MAX_WORDS]))
    return is_participle(word) and words[index - 1] not in ADJECTIVES | _LINKS and ends_noun(word, following)


def is_listed(words: Words) -> bool:
    """Whether a list goes on after a comma, up to its "and": "(the dog,) the cat and the parrot"."""
    if "and" not in words[:-1]:
        return False
    return not any(
        word in PREPOSITIONS | CLAUSE_WORDS | VERBS | PRONOUNS for word in words[: list(words).index("and") + 2]
    )


def is_garment(words: Words) -> bool:
    """Whether "in" is followed by clothes, which tell one person from another: man in yellow shirt."""
    kept = [word for word in words if word not in DETERMINERS]
    return bool(kept) and (kept[0] in GARMENTS or (kept[0] in ADJECTIVES and kept[1:2] != [] and kept[1] in GARMENTS))


def is_participle(word: str) -> bool:
    """Whether a word is a form in -ing or -ed that may describe the noun before it."""
    if word.endswith("ing"):
        return len(word) > 5 and word not in ING_NOUNS
    return word.endswith("ed") and len(word) > 4 and word not in ED_NOUNS


def ends_noun(participle: str, following: Words) -> bool:
    """Whether a noun is complete before the participle: "man eating pizza" is a man, "cat sleeping bag" a bag."""
    if not following or following[0] in PREPOSITIONS | DETERMINERS | ADVERBS | _LINKS | {QUOTE}:
        return True
    return participle.endswith("ing") and base_of(participle) in VERBS and base_of(participle) not in POSES


def base_of(participle: str) -> str:
    """The verb of a form in -ing, as far as the vocabulary knows it; else the form without its ending."""
    for verb, form in POSES.items():
        if form == participle:
            return verb
    stem = participle.removesuffix("ing")
    doubled = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else stem
    return next((verb for verb in (stem, stem + "e", doubled) if verb in VERBS), stem)


def is_adjective(word: str) -> bool:
    """Whether a word can only, or mostly, describe."""
    if word in ADJECTIVES or word.endswith(_ADJECTIVE_ENDINGS):
        return True
    return any(part in COLOURS for part in word.split("-")) or (is_participle(word) and word.endswith("ed"))


def is_indefinite(words: Words) -> bool:
    """Whether a phrase brings something new: "a hat", "two hats", "hats", not "the hat", "his hat", "it"."""
    if not words or words[0] in DEFINITE | POSSESSIVE | PRONOUNS | ADVERBS - INDEFINITE:
        return False
    return words[0] in INDEFINITE | NUMBERS or words[0].isdigit() or words[0] not in PREPOSITIONS | CLAUSE_WORDS


def head(phrase: str) -> str:
    """The last word before "of" or "in", in the singular."""
    words = phrase.split()
    for index, word in enumerate(words):
        if word in ("of", "in") and index:
            words = words[:index]
            break
    return singular(words[-1]) if words else ""


def singular(word: str) -> str:
    """The singular, good enough to compare two heads."""
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


def is_plural(word: str) -> bool:
    """Whether a word is a noun in the plural."""
    return word in IRREGULAR_PLURALS or (
        len(word) > 3 and word.endswith("s") and singular(word) != word and not is_adjective(word)
    )


def described(noun: str | None, adjective: str | None) -> str | None:
    """A concept with another adjective, after a possessor and in place of a colour that it contradicts."""
    if not noun or not adjective:
        return noun
    words = noun.split()
    owner = next((index + 1 for index in reversed(range(len(words) - 1)) if words[index].endswith(("'s", "s'"))), 0)
    rest = words[owner:]
    for group in (COLOURS, MATERIALS):
        if any(word in group for word in adjective.split()) and any(word in group for word in rest[:-1]):
            rest = [word for word in rest[:-1] if word not in group | _LINKS] + rest[-1:]
    return " ".join([*words[:owner], *(word for word in adjective.split() if word not in rest), *rest])
