"""Edits of a named thing, and edits of the image as a whole, for the rule parser."""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Action, Parse, normalised
from annotators.sigma.rules_phrases import (
    Words,
    concept,
    described,
    head,
    is_adjective,
    is_plural,
    without_determiners,
)
from annotators.sigma.rules_text import QUOTE
from annotators.sigma.rules_words import (
    ADJECTIVES,
    ADVERBS,
    ATMOSPHERE,
    ATTRIBUTE_NOUNS,
    CLAUSE_WORDS,
    COLOURS,
    DEPICTIONS,
    DETERMINERS,
    GLOBAL_ADJECTIVES,
    GLOBAL_NOUNS,
    IMAGES,
    MATERIALS,
    NUMBERS,
    PLACES,
    PREPOSITIONS,
    SHADES,
    TAKEN_AWAY,
    UNNAMED,
)

_FILLERS = (ADVERBS - ADJECTIVES) | {",", "be"}


def add(words: Words) -> Parse:
    """The addition of what the words name."""
    return normalised(None, concept(words), Action.ADD)


def remove(words: Words) -> Parse:
    """The removal of what the words name."""
    return normalised(concept(words), None, Action.REMOVE)


def attribute(subject: Words, adjective: str | None = None) -> Parse:
    """A change of the subject, which is described by the adjective afterwards."""
    noun = concept(subject)
    return normalised(noun, described(noun, adjective), Action.ATTRIBUTE_CHANGE)


def become(subject: Words, target: Words) -> Parse:
    """The subject becomes what the target says: a quality, another sort of the same thing, or another thing."""
    if is_global(subject, target):
        return NOTHING
    noun = concept(subject)
    if not target or is_inscription(target) or noun == "text":
        return attribute(subject)
    if is_quality(target) or is_hue(target) or is_material(target):
        return attribute(subject, quality(without_determiners(target)))
    if noun and tuple(target[:2]) in UNNAMED:
        return normalised(noun, "something else", Action.REPLACE)
    if noun and target[0] in ("a", "another") and target[1:3] in (["different", "one"], ["one"]):
        return normalised(noun, f"different {noun}", Action.REPLACE)
    at = next(
        (i for i, word in enumerate(target[:5]) if word in ("one", "ones") and target[i + 1 : i + 2] != ["of"]), None
    )
    if at is not None and not (at == 0 and target[1:] and target[1] not in PREPOSITIONS):
        return attribute(subject, quality([word for word in target[:at] if word not in DETERMINERS]))
    other = concept(target)
    if other is None and "nothing" not in target:
        return attribute(subject)
    if noun and other and head(other) in ATTRIBUTE_NOUNS:
        return attribute(subject, " ".join(word for word in other.split()[:-1] if word != "different") or None)
    same = noun is not None and other is not None and head(noun) == head(other) and "different" not in target[:2]
    return normalised(noun, other, Action.ATTRIBUTE_CHANGE if same else Action.REPLACE)


def turned_into(subject: Words, target: Words) -> Parse:
    """As `become`, for a target without an article: "be bald", "be chocolate", "be sailboats"."""
    if target[0] in TAKEN_AWAY:
        return remove(subject)
    if target[0] in DETERMINERS or is_quality(target) or is_inscription(target) or is_global(subject, target):
        return become(subject, target)
    named = until_preposition(target)
    if all(word in _FILLERS for word in named):
        return attribute(subject)
    if is_plural(named[-1]) or (len(named) > 1 and not is_adjective(named[-1])):
        return become(subject, named)
    return attribute(subject, " ".join(named[:3]))


def made_of(subject: Words, material: Words) -> Parse:
    """The subject in another material."""
    return attribute(subject, concept(material))


def is_inscription(words: Words) -> bool:
    """Whether a target is a quoted text, a number, a price or a time: the thing stays, what it says changes."""
    named = [word for word in words if word not in DETERMINERS - NUMBERS]
    if not named:
        return False
    return (named[0] == QUOTE and len(named) < 3) or (named[0][0] in "#0123456789" and len(named) < 3)


def is_quality(words: Words) -> bool:
    """Whether the words only describe: "red", "very dark blue", "wooden with age"."""
    named = [word for word in until_preposition(words) if word not in _FILLERS | {"and"}]
    if not named or set(words[:1]) & (DETERMINERS - {"more"}):
        return False
    return all(map(is_adjective, named)) or (len(named) == 2 and named[1] in COLOURS)


def is_hue(words: Words) -> bool:
    """Whether the words name a shade of a colour: "a dark red"; "an orange" may be a fruit."""
    return words[0] in ("a", "an") and len(words) > 2 and words[-1] in COLOURS and all(w in SHADES for w in words[1:])


def is_material(words: Words) -> bool:
    """Whether a target is a bare material, which a thing is then made of; water and ground become ice themselves."""
    return len(words) == 1 and words[0] in MATERIALS - {"ice"}


def quality(words: Words) -> str | None:
    """The adjectives of a target, joined."""
    kept = [word for word in until_preposition(words) if word not in _FILLERS]
    while kept and kept[-1] == "and":
        kept.pop()
    if len(kept) > 1 and kept[0] in ("painted", "colored", "coloured", "dyed", "turned"):
        kept = kept[1:]
    return " ".join(kept[:4]) or None


def until_preposition(words: Words) -> list[str]:
    """The words before the first preposition or relative."""
    stop = next((i for i, word in enumerate(words) if i and word in PREPOSITIONS | CLAUSE_WORDS), len(words))
    return list(words[:stop])


# --- global edits ----------------------------------------------------------------------------------------------------
def is_global(subject: Words, target: Words) -> bool:
    """Whether an edit concerns the image as a whole: its weather, season, time of day, style, or the image itself."""
    if is_whole_image(subject):
        return True
    named = concept(subject)
    return named is None and (is_atmospheric(target) or head(concept(target) or "") in IMAGES)


def is_whole_image(words: Words) -> bool:
    """Whether the words name the image, its weather, its style; a picture on a wall is a thing."""
    if any(word in PLACES for word in words[1:] if word not in ("of", "in")):
        return False
    if "of" in words[1:-1]:
        last = max(i for i, word in enumerate(words) if word == "of")
        if is_whole_image(words[last + 1 :]) and head(concept(words[:last]) or "") in ATMOSPHERE | ATTRIBUTE_NOUNS:
            return True
    named = (concept(words) or "").split()
    if not named and any(word in ("everything", "whole") for word in words):
        return True
    if not named or len(named) > 3 or "frame" in named[1:]:
        return False
    if named[-1] in IMAGES:
        return all(word in ("whole", "entire", "overall", *IMAGES) for word in named)
    whole = ("whole", "overall", "entire", "image", "general", "color", *IMAGES)
    return named[-1] in ATMOSPHERE | GLOBAL_NOUNS - DEPICTIONS and all(
        word in whole or word in ATMOSPHERE | GLOBAL_NOUNS for word in named[:-1]
    )


def is_atmospheric(words: Words) -> bool:
    """Whether the words name a weather, a season, a time of day or a style."""
    if "style" in words or ("black" in words and "white" in words):
        return True
    named = [word for word in until_preposition(words) if word not in DETERMINERS | ADVERBS - ADJECTIVES]
    named = named or list(words)
    return bool(named) and (
        named[-1] in GLOBAL_ADJECTIVES or any(word in GLOBAL_NOUNS for word in [*named[:2], named[-1]])
    )
