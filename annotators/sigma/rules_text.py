"""From free text to the words of its clauses, for the rule parser."""

from __future__ import annotations

import re

from annotators.sigma.rules_words import (
    CLOSING_BY_LAST,
    DETERMINERS,
    EDIT_VERBS,
    LATER_VERBS,
    LONG_VERBS,
    NEGATIONS,
    PHRASES,
    PLACES,
    POLITE_BY_FIRST,
    PREPOSITIONS,
    SHARES,
    SWAPPABLE_VERBS,
    VERBS,
)

MAX_TEXT = 600
"""Characters of an instruction that are read; the longest real ones have under a hundred."""
FIRST_WORDS = EDIT_VERBS | VERBS | PREPOSITIONS
QUOTE = '"'
"""The token that stands for a quoted text."""

_CURLY = str.maketrans("‘’ʼ`´“”„«»_", "'''''\"\"\"\"\" ")
_QUOTED = re.compile(r'"[^"]{0,200}"|(?<!\w)\'[^\']{1,200}\'(?!\w)')
_WHOLLY_QUOTED = re.compile(r"\s*([\"'])([^\"]*)\1[\s.!?]*")
_SPECIAL_TOKEN = re.compile(r"<\|.*", re.DOTALL)
_TOKEN = re.compile(r"\"|->|=>|→|[,;.!?\n&]|#?\w+(?:[-'.:/]\w+)*'?[%$]?")
_SENTENCE_ENDS = frozenset(";.!?\n")
_REWRITTEN = {
    "->": ("to",), "=>": ("to",), "→": ("to",), "&": ("and",), "teh": ("the",), "pls": ("please",), "plz": ("please",),
    "isn't": ("is", "not"), "aren't": ("are", "not"), "wasn't": ("was", "not"), "weren't": ("were", "not"),
    "shouldn't": ("should", "not"), "mustn't": ("must", "not"), "nobody": ("no", "people"),
    "should've": ("should", "have"),
    "could've": ("could", "have"), "must've": ("must", "have"), "needn't": ("need", "not"),
}  # fmt: skip


def clauses(text: str) -> list[list[str]]:
    """The lower-case words of each edit that the text asks for, polite beginnings dropped; commas stay."""
    found: list[list[str]] = []
    for sentence in sentences(tokens(text)):
        found.extend(part for part in map(proper, split_edits(proper(sentence))) if part)
    return found


def tokens(text: str) -> list[str]:
    """Words and punctuation; a quoted text becomes the one token `QUOTE`, an arrow "to", "isn't" two words."""
    text = _SPECIAL_TOKEN.sub("", text[:MAX_TEXT]).translate(_CURLY).lower()
    whole = _WHOLLY_QUOTED.fullmatch(text)
    if whole and " " in whole[2].strip():
        text = whole[2]
    marked = _QUOTED.sub(f" {QUOTE} ", text)
    found = rewritten([part for word in _TOKEN.findall(marked) for part in _REWRITTEN.get(word, (word,))])
    return [word for index, word in enumerate(found) if not is_share(found, index)]


def rewritten(words: list[str]) -> list[str]:
    """With one wording for what has several: "rather than" is "instead of", "a bit" is "slightly"."""
    found: list[str] = []
    index = 0
    while index < len(words):
        phrase = next((one for one in PHRASES if tuple(words[index : index + len(one)]) == one), ())
        # "A bit of rust" is some rust.
        if phrase and words[index + len(phrase) : index + len(phrase) + 1] == ["of"]:
            phrase = ()
        found.extend(PHRASES[phrase].split() if phrase else [words[index]])
        index += len(phrase) or 1
    return found


def is_share(words: list[str], index: int) -> bool:
    """Whether the word belongs to "one of", "some of" and the like before a determiner."""
    at = index - 1 if words[index] == "of" else index
    if at < 0 or words[at] not in SHARES or words[at + 1 : at + 2] != ["of"]:
        return False
    return at + 2 < len(words) and words[at + 2] in DETERMINERS


def sentences(words: list[str]) -> list[list[str]]:
    """The words between full stops and the like."""
    found: list[list[str]] = [[]]
    for word in words:
        if word in _SENTENCE_ENDS:
            found.append([])
        else:
            found[-1].append(word)
    return [sentence for sentence in found if sentence]


def split_edits(words: list[str]) -> list[list[str]]:
    """Cut before the verb of a second edit, after "and", "then" or a comma."""
    found: list[list[str]] = [[]]
    for index, word in enumerate(words):
        joined = index > 1 and words[index - 1] in ("and", "then", ",", "also", "but")
        if joined and (word in LATER_VERBS or word == "let's"):
            found.append([])
        found[-1].append(word)
    return [strip_joints(part) for part in found]


def strip_joints(words: list[str]) -> list[str]:
    """Without the joining words and commas at the end."""
    while words and words[-1] in ("and", "then", ",", "also", "but", "please", "instead-of"):
        words = words[:-1]
    return words


def proper(words: list[str]) -> list[str]:
    """Without polite beginnings and a leading place ("in the background, ..."), first verb in its base form."""
    words = without_polite(unfronted(without_thanks(without_polite(words))))
    if not words:
        return words
    verb = base_verb(words[0])
    if verb not in FIRST_WORDS and len(words) > 1 and words[1] in DETERMINERS:
        verb = next((known for known in SWAPPABLE_VERBS if one_letter_off(verb, known)), verb)
    return [verb, *words[1:]]


def unfronted(words: list[str]) -> list[str]:
    """Without a place that stands first, "in the background, ..."; "instead of X, ..." goes to the end."""
    if words[:2] == ["instead", "of"] and "," in words:
        comma = words.index(",")
        return [*words[comma + 1 :], *words[:comma]]
    if words and words[0] in PREPOSITIONS and "," in words[:8]:
        return words[words.index(",") + 1 :]
    if words and words[0] in PLACES:
        start = next((i for i, word in enumerate(words[:10]) if i > 1 and word in LATER_VERBS | {"there"}), 0)
        return words[start:]
    return words


def without_thanks(words: list[str]) -> list[str]:
    """Without "would be nice", "for me", "if possible" and the like at the end."""
    while words:
        ending = CLOSING_BY_LAST.get(words[-1], ())
        end = next((phrase for phrase in ending if tuple(words[-len(phrase) :]) == phrase), None)
        if end is None:
            return words
        words = words[: -len(end)]
    return words


def without_polite(words: list[str]) -> list[str]:
    """Without "please", "can you", "my boss wants" and the like, and without leading commas."""
    while words:
        if words[0] == ",":
            words = words[1:]
            continue
        starting = POLITE_BY_FIRST.get(words[0], ())
        start = next((phrase for phrase in starting if tuple(words[: len(phrase)]) == phrase), None)
        if start is not None:
            words = words[len(start) :]
        elif words[0] in ("my", "our", "the") and words[2:3] == ["wants"]:
            words = words[3:]
        else:
            return words
    return words


def base_verb(word: str) -> str:
    """The edit verb that a first word means: "adding", "added", "chnage"; other words as they are."""
    if word in EDIT_VERBS or word in NEGATIONS:
        return word
    for ending in ("ing", "ed", "s", "es"):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 2:
            continue
        for candidate in (stem, stem + "e", stem[:-1] if stem[-1:] == stem[-2:-1] else stem):
            if candidate in EDIT_VERBS:
                return candidate
    return mended(word)


def mended(word: str) -> str:
    """The edit verb that differs by one slip of the keyboard, else the word itself."""
    if word in VERBS or len(word) > 12:
        return word
    for verb in sorted(LONG_VERBS):
        if one_slip(word, verb):
            return verb
    return next((verb for verb in SWAPPABLE_VERBS if neighbours_swapped(word, verb)), word)


def one_slip(word: str, verb: str) -> bool:
    """Whether one letter is wrong, missing, one too many or swapped with its neighbour."""
    if len(word) == len(verb):
        wrong = sum(a != b for a, b in zip(word, verb, strict=True))
        return wrong == 1 or neighbours_swapped(word, verb)
    return one_letter_off(word, verb)


def one_letter_off(word: str, verb: str) -> bool:
    """Whether one letter is missing or one too many."""
    longer, shorter = (word, verb) if len(word) > len(verb) else (verb, word)
    if len(longer) != len(shorter) + 1:
        return False
    return any(longer[:index] + longer[index + 1 :] == shorter for index in range(len(longer)))


def neighbours_swapped(word: str, verb: str) -> bool:
    """Whether two neighbouring letters changed places."""
    if len(word) != len(verb):
        return False
    wrong = [index for index, (a, b) in enumerate(zip(word, verb, strict=True)) if a != b]
    if len(wrong) != 2 or wrong[1] != wrong[0] + 1:
        return False
    first, second = wrong
    return word[first] == verb[second] and word[second] == verb[first]
