"""The card of `dass`, with the weights that are on this machine.

Read by `imlbench list`: nothing heavy is imported here.
"""

from __future__ import annotations

from dataclasses import replace

from annotators.dass.config import InputPolicy
from annotators.dass.files import NAME, policy_wanted
from annotators.dass.header import Description, describe
from imlbench.cards import AdapterCard, Weight
from imlbench.weights.using import file_here, given_weight, hash_of

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


def as_found(card: AdapterCard) -> AdapterCard:
    """The card with what is on this machine.

    Raises:
        UserError: the weights are not what they should be, or the environment asks for what there is not.
    """
    path = file_here(NAME)
    if path is None:
        return card
    described = describe(path)
    policy = policy_wanted(described.policy)
    return card_with(card, described, policy, given_weight(NAME, path, hash_of(path)))


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
