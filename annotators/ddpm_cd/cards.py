"""The card of `ddpm-cd`, with the weights that are on this machine.

Read by `imlbench list`: nothing heavy is imported here.
"""

from __future__ import annotations

import os

from annotators.ddpm_cd.files import EXTRACTOR, HEAD, INPUT_VARIABLE
from imlbench.cards import AdapterCard
from imlbench.inference.carding import full_card
from imlbench.inference.input_policy import policy_of
from imlbench.weights.using import file_here, given_weight, hash_of

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


def as_found(card: AdapterCard) -> AdapterCard:
    """The card with what is on this machine: another head, or another diffusion model, is another run.

    Raises:
        UserError: the environment asks for no way to see pairs, or a file cannot be read.
    """
    policy = policy_of(os.environ.get(INPUT_VARIABLE, ""))
    found = [(name, file_here(name)) for name in (EXTRACTOR, HEAD)]
    return full_card(card, policy, tuple(given_weight(name, path, hash_of(path)) for name, path in found if path))
