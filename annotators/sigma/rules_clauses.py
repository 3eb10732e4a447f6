"""Where a subject ends and what is said of it begins, for the rule parser."""

from __future__ import annotations

from annotators.sigma.rules_phrases import (
    Words,
    is_adjective,
)
from annotators.sigma.rules_text import QUOTE
from annotators.sigma.rules_words import (
    ADVERBS,
    CLAUSE_WORDS,
    DEFINITE,
    DETERMINERS,
    INDEFINITE,
    INFLECTED,
    LAMPS,
    MODAL_PHRASES,
    MODALS,
    PREPOSITIONS,
    PRONOUNS,
    VERBS,
)

_NOT_BEFORE = PREPOSITIONS | {"and", ","}


def split_predicate(words: Words) -> tuple[list[str], str, list[str]] | None:
    """Subject, verb (base form) and the rest; None where no verb of the vocabulary follows a noun."""
    fallback = None
    for index, word in enumerate(words):
        if not index or word not in VERBS or not has_noun(words[:index]) or words[index - 1] in ("a", "an", "the"):
            continue
        if word in ("be", "wear", "have", "hold", "look") or verb_follows(words, index):
            return list(words[:index]), word, list(words[index + 1 :])
        fallback = fallback or index
    if fallback is None:
        return None
    return list(words[:fallback]), words[fallback], list(words[fallback + 1 :])


def has_noun(words: Words) -> bool:
    """Whether something stands there that a verb can have as its subject."""
    return any(word not in DETERMINERS for word in words) or words[-1] in PRONOUNS


def verb_follows(words: Words, index: int) -> bool:
    """Whether the word at `index` is a verb here, not a noun before another noun: judged by what follows it."""
    following = words[index + 1 : index + 2]
    if not following:
        return True
    later = set(words[index + 1 :]) & {"be", "wear", "have", "hold", "look"}
    if following[0] in PREPOSITIONS and later:
        return False
    return following[0] in DETERMINERS | PREPOSITIONS | ADVERBS | CLAUSE_WORDS | {QUOTE, "and"} or not later


def split_complement(rest: list[str]) -> tuple[list[str], list[str]]:
    """Object and complement of "make the car red", "give the man a hat", "make it a cat"."""
    if rest and rest[0] in PRONOUNS - DEFINITE:
        return rest[:1], rest[1:]
    if rest[:1] == ["her"] and rest[1:2] and rest[1] in INDEFINITE:
        return rest[:1], rest[1:]
    later = next((i for i in range(2, len(rest)) if rest[i] in INDEFINITE and rest[i - 1] not in _NOT_BEFORE), None)
    if later is not None:
        return rest[:later], rest[later:]
    start = len(rest)
    while start > 2 and may_describe(rest, start - 1):
        start -= 1
    if start < len(rest):
        return rest[:start], rest[start:]
    inner = next((i for i in range(2, len(rest)) if begins_quality(rest, i)), None)
    if inner is not None:
        return rest[:inner], rest[inner:]
    place = [i for i, word in enumerate(rest) if i > 1 and word in PREPOSITIONS - {"of"}]
    if place:
        return rest[: place[0]], rest[place[0] :]
    minimum = 2 if rest and rest[0] in DETERMINERS else 1
    return (rest[:-1], rest[-1:]) if len(rest) > minimum else (rest, [])


def may_describe(words: list[str], index: int) -> bool:
    """Whether the word there may belong to a quality at the end; "lower left" and "street light" do not."""
    word = words[index]
    if word in ("left", "right") and words[index - 1] in ("the", "upper", "lower", "top", "bottom", "far"):
        return False
    if word == "light" and words[index - 1] in LAMPS:
        return False
    return is_adjective(word) or word in ADVERBS | {"and", ","}


def begins_quality(words: list[str], index: int) -> bool:
    """Whether an adjective there begins what is said of a noun: "the cat / blue eyes"."""
    before = words[index - 1]
    return is_adjective(words[index]) and not is_adjective(before) and before not in DETERMINERS | PREPOSITIONS


def without_modals(words: Words) -> list[str]:
    """Without "has to", "is supposed to" and the like, and without the "has" of "has been"."""
    found: list[str] = []
    index = 0
    while index < len(words):
        modal = next((one for one in MODAL_PHRASES if tuple(words[index : index + len(one)]) == one), ())
        if not modal and words[index] in ("has", "have", "had") and words[index + 1 : index + 2] == ["been"]:
            modal = ("has",)
        found.extend([] if modal else [words[index]])
        index += len(modal) or 1
    return found


def inflected(words: Words, *, keep: bool = False) -> list[str]:
    """Verbs in their base form, modal verbs dropped; `keep` leaves "to" and all but forms of "be" and "have"."""
    found = []
    words = words if keep else without_modals(words)
    for index, word in enumerate(words):
        if word in ("need", "needs") and words[index + 1 : index + 2] not in ([], ["to"]) and not keep:
            found.append("have")
            continue
        if word in MODALS and not keep:
            continue
        base = INFLECTED.get(word, word)
        if keep and base not in ("be", "have"):
            base = word
        stem = word[:-1] if word.endswith("s") else ""
        found.append(stem if index and stem in VERBS and not keep and base == word else base)
    return found
