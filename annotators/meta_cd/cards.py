"""The cards of `meta-cd` and `sam-cd`, with the weights that are on this machine.

Read by `imlbench list`: nothing heavy is imported here.
"""

from __future__ import annotations

import os
from dataclasses import replace

from annotators.meta_cd.files import FASTSAM, INPUT_VARIABLES
from annotators.meta_cd.header import Description, describe
from imlbench.cards import AdapterCard, Weight
from imlbench.errors import UserError, one_line
from imlbench.inference.carding import full_card
from imlbench.inference.input_policy import FITS, InputPolicy, policy_of
from imlbench.weights.using import file_here, given_weight, hash_of

AS_PUBLISHED = "as published with FastSAM (extra imlbench[fastsam], AGPL-3.0)"
SUMMARIES = {
    "meta-cd": "features of both images compared by a trained network, cut at a threshold learned for every pixel",
    "sam-cd": "features of both images compared by a trained network",
}
META_CD = AdapterCard(
    name="meta-cd",
    title="Meta-CD",
    version="1",
    summary=f"{SUMMARIES['meta-cd']}; {AS_PUBLISHED}",
    licence="Apache-2.0; FastSAM: AGPL-3.0",
    citation="Meta-CD, IEEE TGRS 2025, doi 10.1109/TGRS.2025.3545040; rebuilt from a description of it",
    url="https://doi.org/10.1109/TGRS.2025.3545040",
    threshold=0.5,
    batched=True,
    accelerated=True,
)
SAM_CD = replace(
    META_CD,
    name="sam-cd",
    title="SAM-CD",
    summary=f"{SUMMARIES['sam-cd']}; {AS_PUBLISHED}",
    citation="SAM-CD, as DEAL-300K uses it: Meta-CD without its trainable encoder and learned threshold; rebuilt from "
    "a description of it",
)


def as_found(card: AdapterCard) -> AdapterCard:
    """The card with what is on this machine.

    Raises:
        UserError: the environment asks for no way to see pairs, or a file is not what it should be.
    """
    name = card.name
    policy = policy_named(name)
    path = file_here(name)
    if path is None:
        return full_card(card, policy, ())
    described = describe(path, name)
    found = [given_weight(name, path, hash_of(path))]
    if described.needs_fastsam and (fastsam := file_here(FASTSAM)):
        found.append(given_weight(FASTSAM, fastsam, hash_of(fastsam)))
    return card_with(card, policy, described, tuple(found))


def card_with(
    card: AdapterCard, policy: InputPolicy, described: Description, weights: tuple[Weight, ...]
) -> AdapterCard:
    """The card with the encoders that a file of weights has, how pairs are seen, and the weights."""
    layers = described.config.get("cnn", 34)
    sam = ["FastSAM (extra imlbench[fastsam], AGPL-3.0)"] if described.needs_fastsam else []
    encoders = [*sam, *([f"ResNet-{one_line(layers, 8)}"] if layers else [])]
    licence = card.licence if described.needs_fastsam else "Apache-2.0"
    summary = f"{SUMMARIES[card.name]}; encoder {' and '.join(encoders)}"
    return full_card(replace(card, licence=licence, summary=summary), policy, weights)


def policy_named(name: str) -> InputPolicy:
    """How the environment asks an annotator to look at pairs.

    Raises:
        UserError: it is neither "resize" nor "tile".
    """
    variable = INPUT_VARIABLES[name]
    fit = os.environ.get(variable, "")
    if fit and fit not in FITS:
        raise UserError(f"{variable}: expected {' or '.join(FITS)}, found {one_line(repr(fit), 60)}")
    return policy_of(fit)
