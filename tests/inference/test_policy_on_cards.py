"""How pairs are seen, as a card tells it."""

from __future__ import annotations

from imlbench.cards import AdapterCard, Weight
from imlbench.inference.carding import full_card
from imlbench.inference.input_policy import InputPolicy

CARD = AdapterCard(name="x", title="X", version="7", summary="a network", licence="MIT", citation="none")
WEIGHTS = (Weight(name="x.pth", sha256="ab", licence="MIT", source="a page"),)


def test_the_usual_policy_is_the_cards_own_version():
    found = full_card(CARD, InputPolicy(), WEIGHTS)
    assert (found.version, found.weights) == ("7", WEIGHTS)
    assert found.summary == "a network; pairs are resized to the network's size, as published 256 x 256"


def test_another_policy_is_another_version():
    found = full_card(CARD, InputPolicy(fit="tile", overlap=8), ())
    assert (found.version, found.weights) == ("7+tile+overlap-8", ())
    assert found.summary == "a network; pairs are cut into tiles of the network's size, as published 256 x 256"
