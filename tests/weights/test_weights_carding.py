"""Cards that follow what is on the machine."""

from __future__ import annotations

from dataclasses import replace

from imlbench.cards import AdapterCard
from imlbench.errors import UserError
from imlbench.weights.carding import CardOfThisMachine

DECLARED = AdapterCard(name="x", title="X", version="1", summary="x", licence="MIT", citation="none")


class Machine:
    version = "1"


def as_found(card):
    if not Machine.version:
        raise UserError("the file is damaged")
    return replace(card, version=Machine.version)


class Adapter:
    card = CardOfThisMachine(DECLARED, as_found)


class Heir(Adapter):
    """Has the card of the class that it derives from."""


def test_a_card_is_what_is_found_whenever_it_is_asked_for(monkeypatch):
    assert Adapter.card == DECLARED
    monkeypatch.setattr(Machine, "version", "2")
    assert Adapter.card.version == Adapter().card.version == Heir.card.version == "2"


def test_what_is_wrong_with_a_file_leaves_the_declared_card(monkeypatch):
    monkeypatch.setattr(Machine, "version", "")
    assert Adapter.card is DECLARED


def test_an_adapter_that_is_built_has_its_own():
    built = Adapter()
    built.card = replace(DECLARED, version="3")
    assert (built.card.version, Adapter.card.version) == ("3", "1")
