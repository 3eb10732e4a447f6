"""The cards of `sigma` and `sigma-lite`, with the weights that are on this machine, and the origin of every default.

Read by `imlbench list`: nothing heavy is imported here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from annotators.sigma.grounding_choice import GroundingChoice, chosen
from annotators.sigma.network.presets import preset_facts
from annotators.sigma.policy import POLICIES, policy_facts
from imlbench.cards import AdapterCard, Weight
from imlbench.origins import Fact
from imlbench.weights.using import file_here, known_weight

PACKAGED = Path(__file__).parent / "weights"
"""Holds the checkpoint that comes with the package."""
SIGMA = AdapterCard(
    name="sigma",
    title="SIGMA",
    version="1",
    summary="semantic difference of DINOv2 features, guided by the instruction; train its weights first",
    licence="Apache-2.0",
    citation="SIGMA, arXiv 2605.27924; rebuilt from its text, see the model card",
    url="https://arxiv.org/abs/2605.27924",
    threshold=POLICIES["sigma"].threshold,
    uses_instruction=True,
    batched=True,
    accelerated=True,
    weights=(known_weight("dinov2-base"),),
)
SIGMA_LITE = replace(
    SIGMA,
    name="sigma-lite",
    title="SIGMA-lite",
    version="2",
    summary="SIGMA's structure over EfficientNet-Lite0: annotates on a processor, weights included",
    threshold=POLICIES["sigma-lite"].threshold,
    weights=(known_weight("efficientnet-lite0"),),
)
GROUNDING_WEIGHTS = ("grounding-dino-base", "sam2.1-hiera-small")
"""What the grounder "transformers" loads unless told otherwise."""


class CardAsGrounded:
    """A class attribute `card` that names the checkpoint which would be loaded now, by its hash.

    Results are kept by the hashes of an adapter's weights: another checkpoint, or another grounder, is another run.

    Args:
        card: without the checkpoint.
    """

    def __init__(self, card: AdapterCard) -> None:
        self.declared = card

    def __get__(self, instance: object, owner: type | None = None) -> AdapterCard:
        card = with_grounding(self.declared, chosen(self.declared.name))
        try:
            path = file_here(card.name)
            return card if path is None else with_checkpoint(card, path, digest(path, *stamp(path)))
        except OSError:
            # Listing shows the card all the same; building the adapter says what is wrong with the file.
            return card


def with_checkpoint(card: AdapterCard, path: Path, sha256: str) -> AdapterCard:
    """The card with a checkpoint beside the weights that it names already."""
    source = "part of imlbench" if path.parent == PACKAGED else "trained by the user"
    weight = Weight(name=path.name, sha256=sha256, licence=card.licence, source=source)
    return replace(card, weights=(*card.weights, weight))


def with_grounding(card: AdapterCard, choice: GroundingChoice, identity: str = "") -> AdapterCard:
    """The card of an adapter with another grounding than its usual one: of another version, since maps may differ."""
    if choice.grounder == "transformers" and not identity:
        card = replace(card, weights=(*card.weights, *map(known_weight, GROUNDING_WEIGHTS)))
    if choice == GroundingChoice.usual(card.name) and not identity:
        return card
    suffix = hashlib.sha256(identity.encode()).hexdigest()[:12] if identity else f"{choice.grounder}+{choice.parser}"
    return replace(card, version=f"{card.version}+{suffix}")


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of a file, which change when its content does."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


@cache
def digest(path: Path, size: int, modified: int) -> str:
    """Hexadecimal SHA-256 of a file, computed once for each size and time of it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def all_facts(name: str) -> list[Fact]:
    """Every default of a preset's network and of how it looks at pairs, S (stated by the paper) or I (inferred)."""
    return [*preset_facts(name), *policy_facts(name)]


def model_card(card: AdapterCard) -> str:
    """The model card in Markdown: what it is, its weights, and the origin of every default."""
    lines = [f"# {card.title}", "", card.summary, "", f"Version {card.version}, {card.licence}. {card.citation}.", ""]
    lines += ["| weights | SHA-256 | licence | source |", "|---|---|---|---|"]
    lines += [f"| {weight.name} | {weight.sha256} | {weight.licence} | {weight.source} |" for weight in card.weights]
    lines += [
        "",
        "S = stated by the paper, I = inferred here.",
        "",
        "| default | value | origin | note |",
        "|---|---|---|---|",
    ]
    lines += [f"| {fact.name} | {fact.value} | {fact.origin} | {fact.note} |" for fact in all_facts(card.name)]
    return "\n".join([*lines, ""])


def training_card(facts: Mapping[str, Any]) -> str:
    """How a checkpoint came to be, in Markdown: a section per run, the first one first.

    Args:
        facts: of the checkpoint; its entry `before` holds those of the run that it went on from.
    """
    runs: list[Mapping[str, Any]] = []
    run: Mapping[str, Any] | None = facts
    while run:
        runs.insert(0, run)
        run = run.get("before")
    lines = ["## Training", ""]
    for number, run in enumerate(runs, 1):
        lines += [f"### Run {number}: stage {run['stage']}", "", "```sh", *run["commands"], "```", ""]
        score = run["score"] or {}
        told = {
            "pairs": f"{run['pairs']}, SHA-256 {run['data_sha256']}",
            "evaluation images kept out": ", ".join([*run["compared_with"], *run.get("kept_out", ())]) or "-",
            "steps": f"{run['step']}, in {run['seconds']} s",
            "validation": f"F1 {100 * score['f1']:.2f} on {score['edited']} pairs" if score else "-",
            "configuration": f"`{json.dumps(run['training'], sort_keys=True)}`",
        }
        lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in told.items()), ""]
    return "\n".join(lines)
