"""How pairs are seen, as a card tells it: another policy is another run."""

from __future__ import annotations

from dataclasses import replace

from imlbench.cards import AdapterCard, Weight
from imlbench.inference.input_policy import InputPolicy

SEEN = {
    "resize": "resized to the network's size, as published 256 x 256",
    "tile": "cut into tiles of the network's size, as published 256 x 256",
}


def full_card(card: AdapterCard, policy: InputPolicy, weights: tuple[Weight, ...]) -> AdapterCard:
    """The card with how pairs are seen, and with its weights; another policy is another version."""
    version = f"{card.version}+{policy.identity}" if policy.identity else card.version
    summary = f"{card.summary}; pairs are {SEEN[policy.fit]}"
    return replace(card, version=version, summary=summary, weights=weights)
