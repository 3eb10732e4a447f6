"""The card of `dass`, with the weights that are on this machine.

Read by `imlbench list`: nothing heavy is imported here.
"""

from __future__ import annotations

from dataclasses import replace

from annotators.dass.config import InputPolicy
from annotators.dass.files import NAME, policy_wanted
from annotators.dass.header import Description, describe
from annotators.ddpm_cd.cards import weight
from annotators.ddpm_cd.files import hash_of, weight_file
from imlbench.cards import AdapterCard, Weight
from imlbench.errors import UserError

DASS = AdapterCard(
    name=NAME,
    title="DASS",
    version="1",
    summary="one segmenter over original, edited and |difference|",
    licence="Apache-2.0",
    citation="difference-aware semantic segmentation of CAAA, arXiv 2508.20987; rebuilt from a description of it",
    url="https://arxiv.org/abs/2508.20987",
    threshold=0.5,
    batched=True,
    accelerated=True,
)


class CardOfThisMachine:
    """A class attribute `card` that names the weights which would be loaded now, by their hash.

    Results are kept by the hashes of an adapter's weights: another file is another run.

    Args:
        card: without the weights.
    """

    def __init__(self, card: AdapterCard) -> None:
        self.declared = card

    def __get__(self, instance: object, owner: type | None = None) -> AdapterCard:
        try:
            path = weight_file(NAME)
            if path is None:
                return self.declared
            described = describe(path)
            policy = policy_wanted(described.policy)
            return card_with(self.declared, described, policy, weight(NAME, path, hash_of(path)))
        except UserError:
            # Listing shows the card all the same; building the adapter says what is wrong.
            return self.declared


def card_with(card: AdapterCard, described: Description, policy: InputPolicy, file: Weight) -> AdapterCard:
    """The card of a network and of how pairs reach it; what the weights do not say themselves is another version."""
    differing = [
        name if getattr(policy, name) is True else f"{name}-{getattr(policy, name)}".replace("-False", "-no")
        for name in policy.to_dict()
        if getattr(policy, name) != getattr(described.policy, name)
    ]
    version = "+".join([card.version, *differing])
    summary = f"{card.summary}, over {described.config.encoder}; pairs are {policy.words}"
    return replace(card, version=version, summary=summary, weights=(file,))
