"""The card of a trained variant: an annotator of its own, that tells how it was trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotators.sigma import cards
from annotators.sigma.ablation.finished import ENTRY, binding
from annotators.sigma.checkpoint import preset_of
from annotators.sigma.grounding_choice import chosen
from annotators.sigma.policy import LITE_POLICY, SIGMA_POLICY, InferencePolicy
from imlbench.cards import AdapterCard, Weight
from imlbench.errors import UserError
from imlbench.weights.using import known_weight

if TYPE_CHECKING:
    from annotators.sigma.ablation.stages import Trial
    from annotators.sigma.checkpoint import Checkpoint
    from annotators.sigma.network.config import SigmaConfig
    from annotators.sigma.training.config import TrainingConfig

PREFIX = "sigma-ablation-"
"""What the names of the annotators begin with; the report of Table 3 finds them by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantCard(AdapterCard):
    """A variant's card, which is stored with its results.

    Attributes:
        ablation: how it was trained, as JSON can hold it.
    """

    ablation: dict[str, Any] = field(default_factory=dict)


def family(config: SigmaConfig) -> str:
    """The annotator that a configuration is a relative of: whose grounding and looking at pairs it has."""
    return "sigma-lite" if config.encoder == "efficientnet-lite0" else "sigma"


def policy_of(config: SigmaConfig) -> InferencePolicy:
    """How a variant looks at pairs: as its relative does, at the side that it is validated at.

    Raises:
        UserError: the side is out of range.
    """
    if family(config) == "sigma":
        return replace(SIGMA_POLICY, square=config.image_size)
    return replace(LITE_POLICY, long_sides=(config.image_size,))


def grounder_of(config: SigmaConfig) -> str:
    """The grounder that the environment chooses, or the usual one; empty without the grounding branch."""
    return chosen(family(config)).grounder if config.grounding else ""


def variant_card(trial: Trial, weights: Sequence[Checkpoint], config_name: str) -> VariantCard:
    """The card of a trained variant.

    Args:
        trial: the variant.
        weights: of each of its stages.
        config_name: preset or file that the ablation was asked for with, without folders.
    """
    variant, final = trial.variant, weights[-1]
    related = cards.SIGMA_LITE if family(variant.config) == "sigma-lite" else cards.SIGMA
    card = replace(related, weights=(backbone_weight(trial.stages[-1].config),))
    if variant.config.grounding:
        card = cards.with_grounding(card, chosen(card.name))
    card = cards.with_checkpoint(card, final.path, final.sha256)
    return VariantCard(
        name=f"{PREFIX}{variant.name}",
        title=f"SIGMA ablation: {variant.row}",
        version=card.version,
        summary=f"{variant.row} of Table 3 over {variant.config.encoder}",
        licence=card.licence,
        citation=card.citation,
        url=card.url,
        threshold=policy_of(variant.config).threshold,
        uses_instruction=variant.config.grounding,
        batched=True,
        accelerated=True,
        weights=card.weights,
        ablation=told(trial, weights, config_name),
    )


def backbone_weight(config: TrainingConfig) -> Weight:
    """The frozen backbone: the published one, or the file or folder that the configuration names.

    Raises:
        UserError: that one cannot be read.
    """
    name = config.network.encoder
    if not config.encoder_weights:
        return known_weight(name)
    return Weight(name=name, sha256=content(Path(config.encoder_weights)), licence="unknown", source="the user's own")


def content(place: Path) -> str:
    """Hexadecimal SHA-256 of a file, or over the names and hashes of the files of a folder.

    Raises:
        UserError: it cannot be read.
    """
    try:
        if not place.is_dir():
            return cards.digest(place, *cards.stamp(place))
        files = sorted(path for path in place.iterdir() if path.is_file())
        lines = [f"{path.name} {cards.digest(path, *cards.stamp(path))}\n" for path in files]
    except OSError as error:
        raise UserError(f"encoder_weights: {place} cannot be read ({error.strerror})") from error
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def told(trial: Trial, weights: Sequence[Checkpoint], config_name: str) -> dict[str, Any]:
    """How a variant was trained: what the report of Table 3 says below the table."""
    network, facts = trial.variant.config, weights[-1].facts
    return {
        "variant": trial.variant.name,
        "row": trial.variant.row,
        "checkpoint": weights[-1].sha256,
        "base": base_of(trial, weights[0]),
        "preset": preset_of(trial.full),
        "config": config_name,
        "backbone": network.encoder,
        "image_size": network.image_size,
        "grounder": grounder_of(network),
        "data": facts.get("data"),
        "data_sha256": facts.get("data_sha256"),
        "evaluation_data": bool(facts.get("evaluation_data")),
        "pairs": facts.get("pairs"),
        "steps": [steps_of(checkpoint) for checkpoint in weights],
        "seed": trial.stages[-1].config.seed,
        "training": [binding(stage.config) for stage in trial.stages],
    }


def steps_of(checkpoint: Checkpoint) -> Any:
    """Steps that a stage took."""
    entry = checkpoint.facts.get(ENTRY)
    return entry.get("steps") if isinstance(entry, dict) else None


def base_of(trial: Trial, first: Checkpoint) -> str:
    """SHA-256 over what all variants of an ablation share: the full network, Stage I's numbers, and its data."""
    config = binding(replace(trial.stages[0].config, network=trial.full))
    text = json.dumps([config, first.facts.get("data_sha256")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
