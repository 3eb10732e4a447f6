"""What a subject and its predicate mean, for the rule parser: "the man" + "wear a hat" is an added hat."""

from __future__ import annotations

from collections.abc import Callable

from annotators.sigma.parse import NOTHING, Action, Parse, normalised
from annotators.sigma.rules_backgrounds import backdrop
from annotators.sigma.rules_changes import (
    add,
    attribute,
    become,
    is_global,
    is_quality,
    is_whole_image,
    made_of,
    quality,
    remove,
    turned_into,
)
from annotators.sigma.rules_clauses import (
    split_predicate,
)
from annotators.sigma.rules_phrases import (
    Words,
    base_of,
    concept,
    head,
    is_adjective,
    is_garment,
    is_indefinite,
    is_participle,
    singular,
)
from annotators.sigma.rules_text import QUOTE
from annotators.sigma.rules_words import (
    ABSTRACT,
    ADJECTIVES,
    ADVERBS,
    ATTRIBUTE_NOUNS,
    BROUGHT_IN,
    COVERINGS,
    DETERMINERS,
    IMAGES,
    INDEFINITE,
    JUDGING,
    LEAVING,
    MODALS,
    NEGATIONS,
    NOT_A_PLACE,
    OWNING,
    PARTS,
    PLACES,
    POSES,
    POSSESSIVE,
    PREPOSITIONS,
    PRESENT,
    PRONOUNS,
    SCENES,
    SEEMING,
    SHOWING,
    STATE_CHANGES,
    STUFF,
    TAKEN_AWAY,
    VERBS,
)


def predicate(subject: Words, verb: str, rest: Words) -> Parse:
    """The meaning of subject, verb and complement."""
    if verb in NEGATIONS or (rest and rest[0] in NEGATIONS):
        return negated(subject, verb, rest)
    if verb == "be":
        return being(subject, rest)
    for group, meaning in MEANINGS:
        if verb in group:
            return meaning(subject, verb, rest)
    return doing(subject, verb, rest)


def negated(subject: Words, verb: str, rest: Words) -> Parse:
    """As in "not wear a hat", "have no hat": the hat goes. Anything else that is not to be leaves nothing to see."""
    words = [word for word in rest if word not in NEGATIONS and word not in MODALS]
    for _ in range(2):
        if words and (words[0] in OWNING | {"have", "be"} or is_participle(words[0])):
            verb, words = words[0], words[1:]
    if verb in OWNING | {"have"} or verb.endswith("ing") or verb == "there":
        return remove(words)
    return absent(subject, words) if verb == "be" and words else NOTHING


def absent(subject: Words, words: Words) -> Parse:
    """As in "the dog is not there", "not in the picture", "there is not a dog": the dog goes."""
    if list(subject) == ["there"]:
        return remove(words)
    if words[0] == "in" and is_garment(words[1:]):
        return remove(words[1:])
    return remove(subject) if words[0] in PRESENT | PLACES else NOTHING


def being(subject: Words, rest: Words) -> Parse:
    """Meaning of "SUBJECT be REST"."""
    rest = [word for i, word in enumerate(rest) if i or word not in ("all", "both", "now", "being", "also", "then")]
    if not rest:
        return NOTHING
    first, after = rest[0], rest[1:]
    done = passive(subject, first, after)
    if done is not None:
        return done
    if first in VERBS and first not in ADJECTIVES | {"open"}:
        return predicate(subject, first, after)
    if first.endswith("ing") and is_participle(first) and not (after and after[0] in ("and", ",")):
        return predicate(subject, base_of(first), after)
    if first == "of":
        return made_of(subject, after)
    if first in ("like", "as"):
        return likened(subject, first, rest)
    if first in PREPOSITIONS:
        return located(subject, None, rest)
    return turned_into(subject, rest)


def passive(subject: Words, first: str, after: Words) -> Parse | None:
    """Meaning of "SUBJECT be removed", "be replaced by REST", "be covered with REST"; None for all else."""
    if first in TAKEN_AWAY:
        return remove(subject)
    if first in BROUGHT_IN:
        return add(subject)
    if first == "turned" and after[:1] in (["on"], ["off"], ["around"]):
        return attribute(subject)
    if first in STATE_CHANGES and after:
        return changed_state(subject, after)
    if first in COVERINGS and after and after[0] in ("with", "in", "by", "of", "on"):
        return add(after[1:])
    return None


def changed_state(subject: Words, after: Words) -> Parse:
    """After "be replaced", "be turned", "be made"."""
    if after[0] in ("of", "from", "out", "with"):
        rest = [word for word in after if word not in ("of", "from", "out")]
        return become(subject, rest[1:]) if after[0] == "with" else made_of(subject, rest)
    return become(subject, after[1:] if after[0] in ("by", "into", "to", "for", "in") else after)


def located(subject: Words, verb: str | None, rest: Words) -> Parse:
    """The subject somewhere: a new place or neighbour comes; in a known place the subject itself changes."""
    preposition, place = rest[0], list(rest[1:])
    if preposition in ("next", "front", "top", "close") and place[:1] == ["to"]:
        place = place[1:]
    if preposition == "in" and place[:2] == ["front", "of"]:
        place = place[2:]
    if preposition == "with":
        return having(subject, "have", place)
    if preposition == "out" and is_whole_image(place[1:]):
        return remove(subject)
    setting = backdrop(rest) if verb is None else NOTHING
    if setting is not NOTHING:
        return setting
    known = singular(place[-1]) if place else ""
    scene = known in SCENES and (preposition == "in" or (preposition in ("on", "at", "under") and known not in STUFF))
    if known in ABSTRACT:
        return attribute(subject, POSES.get(verb or ""))
    if preposition not in NOT_A_PLACE and ((is_indefinite(place) and place[0] not in STUFF) or scene):
        named = add(place)
        if named is not NOTHING:
            return named
    return attribute(subject, POSES.get(verb or ""))


def having(subject: Words, verb: str, rest: Words) -> Parse:
    """Meaning of "SUBJECT have REST", also of wearing, holding, containing."""
    rest = [word for i, word in enumerate(rest) if i or word not in ("on", "up", "only", "just")]
    if "instead" in rest:
        return instead(rest)
    if not rest:
        return attribute(subject)
    if rest[0] == "no":
        return remove(rest[1:])
    named = concept(rest)
    if named is None:
        return attribute(subject)
    if head(named) in ATTRIBUTE_NOUNS or "different" in named or named.endswith(" paint"):
        own = [word for word in named.split()[:-1] if (is_adjective(word) and word != "different") or word == "and"]
        return attribute(subject, quality(own))
    if verb == "have" and rest[0] in POSSESSIVE | {"the"} and is_adjective(rest[-1]) and len(rest) > 2:
        return attribute(rest[:-1], rest[-1])
    if head(named) in {singular(part) for part in PARTS} and verb == "have":
        return part_changed(named, rest)
    if verb in ("hold", "carry") and not is_indefinite(rest):
        return attribute(subject)
    return normalised(None, named, Action.ADD)


def part_changed(named: str, rest: Words) -> Parse:
    """A part with a quality is changed, "blue eyes"; a part without one is new, "wings"."""
    words = named.split()
    described_part = [word for word in words[:-1] if word not in ("and", ",")]
    if " of " in named or not described_part or not all(is_adjective(word) for word in described_part):
        return (
            normalised(None, named, Action.ADD)
            if is_indefinite(rest)
            else normalised(named, named, Action.ATTRIBUTE_CHANGE)
        )
    return normalised(words[-1], named, Action.ATTRIBUTE_CHANGE)


def instead(words: Words) -> Parse:
    """As in "a banana instead of a racket": the racket is replaced."""
    at = list(words).index("instead")
    old = words[at + 2 :] if words[at + 1 : at + 2] == ["of"] else []
    if not old and at > 1 and is_adjective(words[0]) and not is_adjective(words[at - 1]):
        return attribute(words[1:at], words[0])
    if is_quality(old):
        new = concept(words[:at]) or ""
        return attribute(new.split()[-1:], quality(new.split()[:-1]))
    return become(old, words[:at]) if concept(old) and "one" not in old else add(words[:at])


def seeming(subject: Words, verb: str, rest: Words) -> Parse:
    """Meaning of "SUBJECT look REST"."""
    for idle in (JUDGING, {"like"}):
        if len(rest) > 1 and rest[0] in idle and rest[1] in PREPOSITIONS:
            return coloured(subject, rest[1:])
    if rest and rest[0] in ("like", "as"):
        return likened(subject, verb, rest)
    if rest and rest[0] == "in":
        return coloured(subject, rest)
    if is_global(subject, rest):
        return NOTHING
    described = len(rest) == 2 and is_adjective(rest[1]) and rest[0] not in DETERMINERS
    looks = bool(rest) and (described or is_quality(rest) or (len(rest) == 1 and rest[0] not in ADVERBS | PRONOUNS))
    return attribute(subject, quality(rest) if looks else None)


def coloured(subject: Words, rest: Words) -> Parse:
    """After "look", "look better", "look like": "in blue" describes, anything else comes."""
    if is_global(subject, rest[1:]):
        return NOTHING
    if rest[0] == "in" and is_quality(rest[1:]):
        return attribute(subject, quality(rest[1:]))
    return located(subject, None, rest)


def likened(subject: Words, verb: str, rest: Words) -> Parse:
    """The subject takes another thing's looks."""
    del verb
    target = [word for i, word in enumerate(rest) if i or word not in ("like", "as")]
    if is_global(subject, target):
        return NOTHING
    clause = split_predicate(target)
    if clause is not None and clause[1] in ("be", "have"):
        return attribute(subject)
    return normalised(concept(subject), concept(target), Action.ATTRIBUTE_CHANGE)


def turning(subject: Words, verb: str, rest: Words) -> Parse:
    """Meaning of "SUBJECT become REST", "SUBJECT turn into REST", "SUBJECT turn its head"."""
    if rest and rest[0] in ("into", "to"):
        return become(subject, rest[1:])
    done = passive(subject, rest[0], rest[1:]) if rest and verb == "get" else None
    if done is not None:
        return done
    if rest and (verb == "become" or is_quality(rest) or (rest[0] in INDEFINITE)):
        return turned_into(subject, rest)
    return attribute(subject)


def showing(subject: Words, verb: str, rest: Words) -> Parse:
    """What a thing says or shows changes, the thing stays; who reads a book has one."""
    if verb == "read" and rest and rest[0] in ("a", "an", "some"):
        return doing(subject, verb, rest)
    return attribute(subject)


def leaving(subject: Words, verb: str, rest: Words) -> Parse:
    """The subject is gone; who goes somewhere is not."""
    stays = verb == "go" and rest and rest[0] not in ("away", "out", "missing")
    return turning(subject, verb, rest) if stays else remove(subject)


def doing(subject: Words, verb: str, rest: Words) -> Parse:
    """Any other verb: what is new in its complement comes, otherwise the subject has changed its pose."""
    if "instead" in rest:
        return instead(rest)
    if list(rest) == ["away"] and verb not in ("face", "gaze", "stare"):
        return remove(subject)
    rest = [word for i, word in enumerate(rest) if word not in ADVERBS - PREPOSITIONS - INDEFINITE or i > 2]
    if rest and rest[0] in PREPOSITIONS:
        return located(subject, verb, rest)
    if is_indefinite(rest) and rest[0] not in STUFF | {QUOTE} and not is_adjective(rest[-1]):
        named = add(rest)
        if named is not NOTHING and head(named.edited or "") not in IMAGES:
            return named
    if concept(subject) is not None and subject[0] in ("a", "an", "some"):
        return add(subject)
    return attribute(subject, POSES.get(verb))


Meaning = Callable[[Words, str, Words], Parse]
MEANINGS: tuple[tuple[frozenset[str], Meaning], ...] = (
    (OWNING | {"have"}, having),
    (SEEMING, seeming),
    (SHOWING, showing),
    (LEAVING, leaving),
    (frozenset(("resemble",)), likened),
    (frozenset(("become", "turn", "get")), turning),
)
