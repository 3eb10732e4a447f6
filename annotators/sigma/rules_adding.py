"""What "add", "put", "give" bring into the image, for the rule parser."""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Action, Parse, normalised
from annotators.sigma.rules_backgrounds import backdrop
from annotators.sigma.rules_changes import (
    add,
    attribute,
    become,
    is_global,
    is_whole_image,
    quality,
)
from annotators.sigma.rules_clauses import (
    split_complement,
)
from annotators.sigma.rules_phrases import (
    concept,
    head,
    is_adjective,
    is_indefinite,
)
from annotators.sigma.rules_predicates import having, instead
from annotators.sigma.rules_text import QUOTE
from annotators.sigma.rules_words import (
    ATTRIBUTE_NOUNS,
    DEFINITE,
    EFFECTS,
    INDEFINITE,
    LOOKS,
    MOVING,
    PLACES,
    POSSESSIVE,
    PREPOSITIONS,
)


def addition(verb: str, rest: list[str]) -> Parse:
    """As in "add X to Y", "put X on Y", "give Y X"; an effect without a place is global."""
    if verb == "give" and not (rest and rest[0] in ("a", "an") and "to" in rest):
        return giving(rest)
    if verb in ("write", "engrave", "print") and rest[:1] == [QUOTE]:
        return normalised(None, "text", Action.ADD)
    if rest and rest[0] in PREPOSITIONS:
        rest = after_place(rest)
    if "instead" in rest:
        return instead(rest)
    if "where" in rest and rest[-1] in ("is", "are", "was", "were"):
        return become(rest[rest.index("where") + 1 : -1], rest[: rest.index("where")])
    there = verb in MOVING and rest[:1] and rest[0] in DEFINITE | POSSESSIVE
    around = surroundings(rest) if there else NOTHING
    return added(rest) if around is NOTHING else around


def surroundings(rest: list[str]) -> Parse:
    """What comes with another place for a thing that is there: "put the queen on a horse"; else the global parse."""
    setting = backdrop(rest)
    at = next((i for i, word in enumerate(rest) if i and word in PREPOSITIONS), len(rest) - 1)
    if setting is not NOTHING or rest[at] not in PLACES or not is_indefinite(rest[at + 1 :]):
        return setting
    return add(rest[at + 3 :] if rest[at : at + 3] == ["in", "front", "of"] else rest[at + 1 :])


def added(rest: list[str]) -> Parse:
    """The thing named, in its place; light, weather and filters without a place are global."""
    named = concept(rest)
    if named is None:
        return NOTHING
    at = next((i for i, word in enumerate(rest) if i and word in PREPOSITIONS), len(rest))
    place = [word for word in rest[at + 1 :] if word != "of"]
    lamp = rest[0] in ("a", "an") and named.endswith("light")
    if is_effect(named) and not lamp and (not place or is_whole_image(place)):
        return NOTHING
    if head(named) in ATTRIBUTE_NOUNS and place:
        return NOTHING if is_whole_image(place) else attribute(place, quality(named.split()[:-1]))
    return normalised(None, named, Action.ADD)


def is_effect(named: str) -> bool:
    """Whether what is added is weather, light or a filter over everything."""
    words = named.split()
    return words[-1] in EFFECTS and (words[-1] in LOOKS or all(map(is_adjective, words[:-1])))


def after_place(rest: list[str]) -> list[str]:
    """What is added where the place comes first: "put on the man a hat"; else "put on a hat"."""
    starts = [i for i, word in enumerate(rest) if i > 2 and word in INDEFINITE]
    return rest[starts[0] :] if starts and rest[1] in DEFINITE | POSSESSIVE else rest[1:]


def giving(rest: list[str]) -> Parse:
    """As in "give the man a hat": as "the man has a hat"."""
    subject, given = split_complement(rest)
    named = concept(given) or ""
    if head(named) in LOOKS:
        return NOTHING if is_global(subject, ["style"]) else attribute(subject, quality(named.split()[:-1]))
    return having(subject, "have", given) if given else NOTHING
