"""The card of `ddpm-cd`, with the weights that are on this machine.

Read by `imlbench list`: nothing heavy is imported here.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from annotators.ddpm_cd.files import EXTRACTOR, HEAD, INPUT_VARIABLE, hash_of, weight_file
from annotators.ddpm_cd.policy import InputPolicy, policy_of
from imlbench.cards import AdapterCard, Weight
from imlbench.errors import UserError
from imlbench.weights import catalogue

DDPM_CD = AdapterCard(
    name="ddpm-cd",
    title="DDPM-CD",
    version="1",
    summary="a diffusion model's features of both images, noised, compared by a trained head",
    licence="Apache-2.0",
    citation="Bandara, Nair and Patel, DDPM-CD, WACV 2025, arXiv 2206.11892; rebuilt, not the authors' code",
    url="https://github.com/wgcban/ddpm-cd",
    threshold=0.5,
    batched=True,
    accelerated=True,
    seeded=True,
)
SEEN = {
    "resize": "resized to the network's size, as published 256 x 256",
    "tile": "cut into tiles of the network's size, as published 256 x 256",
}


class CardOfThisMachine:
    """A class attribute `card` that names the weights which would be loaded now, by their hashes.

    Results are kept by the hashes of an adapter's weights: another head, or another diffusion model, is another run.

    Args:
        card: without the weights.
    """

    def __init__(self, card: AdapterCard) -> None:
        self.declared = card

    def __get__(self, instance: object, owner: type | None = None) -> AdapterCard:
        found = [(name, weight_file(name)) for name in (EXTRACTOR, HEAD)]
        try:
            policy = policy_of(os.environ.get(INPUT_VARIABLE, ""))
            weights = tuple(weight(name, path, hash_of(path)) for name, path in found if path)
        except UserError:
            # Listing shows the card all the same; building the adapter says what is wrong.
            return self.declared
        return full_card(self.declared, policy, weights)


def full_card(card: AdapterCard, policy: InputPolicy, weights: tuple[Weight, ...]) -> AdapterCard:
    """The card with how pairs are seen, and with its weights; another policy is another version."""
    version = f"{card.version}+{policy.identity}" if policy.identity else card.version
    summary = f"{card.summary}; pairs are {SEEN[policy.fit]}"
    return replace(card, version=version, summary=summary, weights=weights)


def weight(name: str, path: Path, sha256: str) -> Weight:
    """A file as a card names it. What a user's own place holds has the licence that the user knows of.

    Args:
        name: of the catalogue's entry that the file stands for.
        path: the file.
        sha256: of the file.
    """
    entry = catalogue()[name]
    published = path.name in entry.names and entry.licence != "own"
    licence, source = (entry.licence, entry.origin) if published else ("the user's", "named or trained by the user")
    return Weight(name=path.name, sha256=sha256, licence=licence, source=source)
