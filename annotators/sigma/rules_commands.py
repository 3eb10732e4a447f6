"""What each commanding verb does with its object, for the rule parser: "put a hat on the man"."""

from __future__ import annotations

from collections.abc import Callable

from annotators.sigma.parse import NOTHING, Action, Parse, normalised
from annotators.sigma.rules_adding import addition
from annotators.sigma.rules_backgrounds import backdrop
from annotators.sigma.rules_causing import causing
from annotators.sigma.rules_changes import (
    add,
    attribute,
    become,
    is_global,
    is_inscription,
    is_material,
    is_quality,
    is_whole_image,
    quality,
    remove,
)
from annotators.sigma.rules_clauses import (
    inflected,
    split_complement,
    split_predicate,
)
from annotators.sigma.rules_phrases import (
    concept,
    head,
    is_adjective,
    singular,
)
from annotators.sigma.rules_predicates import instead, predicate
from annotators.sigma.rules_words import (
    ADDING,
    ADJECTIVES,
    ADVERBS,
    ATTRIBUTE_NOUNS,
    CAUSING,
    CHANGING,
    COLOURING,
    COVERING,
    DETERMINERS,
    INDEFINITE,
    PREPOSITIONS,
    REMOVING,
    REMOVING_WITH_PARTICLE,
    REPLACING,
    STATES,
    STRONG_VERBS,
    SURFACES,
    UNNAMED,
    VERBS,
)


def removal(rest: list[str]) -> Parse:
    """As in "remove X from Y"; of everything or of the image's weather it is global."""
    if rest and rest[0] in ("away", "off", "out"):
        rest = rest[1:]
    if is_whole_image(rest):
        return NOTHING
    if "from" in rest and {"color", "colour", "colors", "colours"} & set(rest):
        return adjusted(rest[rest.index("from") + 1 :])
    return remove(rest)


def remove_command(verb: str, rest: list[str]) -> Parse:
    """The verbs that always remove."""
    if verb in REMOVING_WITH_PARTICLE and verb in STATES:
        return state_change(verb, rest)
    return removal(rest) if verb not in ("take", "edit", "crop", "strip") else adjusted(rest)


def adjusted(rest: list[str]) -> Parse:
    """A change of something that is not named further."""
    return NOTHING if is_whole_image(rest) else attribute(rest)


def replacement(verb: str, rest: list[str]) -> Parse:
    """As in "replace X with Y", "swap X for Y", "substitute Y for X"."""
    if verb == "substitute" and "for" in rest:
        at = rest.index("for")
        return become(rest[at + 1 :], rest[:at])
    for link in ("with", "by", "for", "to", "into", "and"):
        if link in rest[1:]:
            at = rest.index(link, 1)
            return exchanged(rest[:at], rest[at + 1 :])
    return remove(rest)


def exchanged(old: list[str], new: list[str]) -> Parse:
    """A replacement by name: two texts stay texts."""
    if is_inscription(new):
        return attribute(old)
    if concept(old) == "text" and new[0] not in DETERMINERS:
        return attribute(old)
    if is_quality(new) or "one" in new or tuple(new[:2]) in UNNAMED or is_whole_image(old):
        return become(old, new)
    return normalised(concept(old), concept(new), Action.REPLACE)


def change(verb: str, rest: list[str]) -> Parse:
    """As in "change X to Y", "turn X into Y", "change the colour of X", "change X from A to B"."""
    if verb == "turn" and rest and rest[0] in ("on", "off", "up", "down"):
        return attribute(rest[1:])
    if "instead" in rest:
        return instead(rest)
    if rest[:1] == ["out"]:
        return replacement(verb, rest[1:])
    subject, target = split_target(["it", *rest] if rest[:1] in (["to"], ["into"]) else rest)
    subject, feature = without_feature(subject)
    if not target and verb == "turn":
        subject, target = split_complement(subject)
        target = [] if target and set(target) <= ADVERBS | PREPOSITIONS else target
    if feature and concept(subject) is None:
        return NOTHING
    if target and target[0] in VERBS - ADJECTIVES and (len(target) > 1 or target[0] in STRONG_VERBS):
        return predicate(subject, target[0], target[1:])
    if concept(subject) in ("time", "clock time") and is_inscription(target):
        return attribute(["clock"])
    if is_global(subject, target):
        return NOTHING
    if feature and target and feature not in ("design", "pattern", "breed"):
        return attribute(subject, quality([word for word in target if word not in DETERMINERS | {feature}]))
    return become(subject, target)


def split_target(rest: list[str]) -> tuple[list[str], list[str]]:
    """What is changed, and into what; the target is empty where none is named."""
    for link in ("into", "to", "as", "with", "by", "so", "for"):
        if link in rest[1:]:
            at = rest.index(link, 1)
            target = rest[at + 1 :]
            if link == "so":
                clause = split_predicate(inflected(target))
                target = [clause[1], *clause[2]] if clause else []
            subject = rest[:at]
            if "from" in subject[1:]:
                start = subject.index("from")
                return origin(subject[:start], subject[start + 1 :]), target
            return subject, target
    return rest, []


def origin(subject: list[str], start: list[str]) -> list[str]:
    """What is changed in "X from A to B": A where it names a thing, X where A is only its quality."""
    return subject if is_quality(start) or is_whole_image(subject) or concept(subject) else start


def without_feature(subject: list[str]) -> tuple[list[str], str]:
    """As in "the colour of the car", "the car's colour", "the car colour": the car, and the feature's name."""
    for index, word in enumerate(subject):
        if (
            word in ATTRIBUTE_NOUNS | {"style"}
            and subject[index + 1 : index + 2]
            and subject[index + 1] in ("of", "on", "in")
        ):
            return subject[index + 2 :], word
    if subject and subject[-1] in ATTRIBUTE_NOUNS:
        owner = [*subject[:-1]]
        if owner and owner[-1].endswith(("'s", "s'")):
            owner[-1] = owner[-1].rstrip("s").rstrip("'") if owner[-1].endswith("'s") else owner[-1].rstrip("'")
        return owner, subject[-1]
    return subject, ""


def colouring(verb: str, rest: list[str]) -> Parse:
    """As in "paint the wall blue", "dye her hair red"; "paint a face on the wall" adds."""
    del verb
    if rest and rest[0] in INDEFINITE and not is_adjective(rest[-1]):
        return add(rest)
    subject, target = split_complement([word for word in rest if word not in ("in", "with", "to")] if rest else rest)
    if is_whole_image(subject):
        return NOTHING
    return attribute(subject, quality(target) if target and is_quality(target) else None)


def covering(verb: str, rest: list[str]) -> Parse:
    """As in "cover the table with a cloth", "dress the man in a suit": the cloth, the suit come; a material changes."""
    links = ("in", "with") if verb in ("dress", "clothe") else ("with", "in")
    at = next((rest.index(link, 1) for link in links if link in rest[1:]), None)
    if at is None:
        return adjusted(rest)
    thing, cover = concept(rest[:at]), concept(rest[at + 1 :])
    if is_material(rest[at + 1 :]) or head(cover or "") in ATTRIBUTE_NOUNS:
        return become(rest[:at], rest[at + 1 :])
    if verb in ("cover", "wrap", "coat") and thing and head(cover or "") in map(singular, SURFACES):
        return normalised(thing, f"{thing} with {cover}", Action.ATTRIBUTE_CHANGE)
    return add(rest[at + 1 :])


def state_change(verb: str, rest: list[str]) -> Parse:
    """As in "open the door": the door, open."""
    setting = backdrop(rest) if verb == "move" else NOTHING
    if setting is not NOTHING:
        return setting
    rest = [word for i, word in enumerate(rest) if i or word not in ("up", "in", "out")]
    if is_whole_image(rest) or concept(rest) is None or verb == "zoom":
        return NOTHING
    if is_adjective(rest[-1]):
        return become(*split_complement(rest))
    return attribute(rest, STATES[verb] or None)


Command = Callable[[str, list[str]], Parse]
COMMANDS: tuple[tuple[frozenset[str], Command], ...] = (
    (CAUSING, causing),
    (REPLACING, replacement),
    (CHANGING, change),
    (COLOURING, colouring),
    (COVERING, covering),
    (frozenset(STATES), state_change),
    (REMOVING, remove_command),
    (ADDING, addition),
)
