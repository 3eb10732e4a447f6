"""A thing set before another background, for the rule parser: "set the cup against a red wall"."""

from __future__ import annotations

from annotators.sigma.parse import NOTHING, Parse
from annotators.sigma.rules_changes import become
from annotators.sigma.rules_phrases import Words, concept, head, is_indefinite
from annotators.sigma.rules_words import BACKDROPS, SCENERY

_LINKS = (("against",), ("in", "front", "of"), ("on",), ("with",), ("to",), ("onto",), ("into",))


def backdrop(words: Words) -> Parse:
    """The new background that the words name for a thing that is there already; the global parse where none.

    "Against" always names a background, "in front of" where what follows is large enough to fill it, "on",
    "with", "to" where it is called one.
    """
    for index in range(len(words)):
        link = next((one for one in _LINKS if tuple(words[index : index + len(one)]) == one), None)
        if link is not None:
            place = words[index + len(link) :]
            return become(["background"], place) if fills(link[0], place) else NOTHING
    return NOTHING


def fills(preposition: str, place: Words) -> bool:
    """Whether something new fills the background."""
    if not is_indefinite(place):
        return False
    kind = head(concept(place) or "")
    return preposition == "against" or kind in (SCENERY if preposition == "in" else BACKDROPS)
