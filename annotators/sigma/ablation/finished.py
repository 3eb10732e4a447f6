"""The weights of a finished stage: read, and known to be of this very ablation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from annotators.sigma.checkpoint import Checkpoint, read_checkpoint
from annotators.sigma.training.config import UNBOUND
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from annotators.sigma.ablation.stages import Stage
    from annotators.sigma.training.config import TrainingConfig

ENTRY = "ablation"
"""Facts of the weights that this package adds to the trainer's."""
REMEDY = "choose another --out, or delete the file to train the stage anew"


def finished(stage: Stage, data_sha256: str) -> Checkpoint | None:
    """The stage's weights; None where it is not finished.

    Args:
        stage: the stage.
        data_sha256: of the pairs that it is trained on.

    Raises:
        UserError: the file is damaged, or of another configuration, other data or other weights before it.
    """
    if not os.path.lexists(stage.final):
        return None
    try:
        checkpoint = read_checkpoint(stage.final)
    except UserError as error:
        raise UserError(f"{error}; {REMEDY}") from error
    expect_same(stage, checkpoint.facts, data_sha256)
    if checkpoint.config != stage.config.network:
        raise UserError(f"{stage.final}: expected the network of {stage.owner}, found another; {REMEDY}")
    return checkpoint


def expect_same(stage: Stage, facts: Mapping[str, Any], data_sha256: str) -> None:
    """Compare what the weights tell of their training with what is asked for.

    Raises:
        UserError: they differ.
    """
    training = facts.get("training")
    found: Mapping[str, Any] = training if isinstance(training, dict) else {}
    for name, wanted in binding(stage.config).items():
        if found.get(name) != wanted:
            was, now = one_line(repr(found.get(name)), 80), one_line(repr(wanted), 80)
            raise UserError(f"{stage.final}: was trained with {name} {was}, now it is {now}; {REMEDY}")
    if (facts.get("stage"), facts.get("data_sha256")) != (stage.number, data_sha256):
        raise UserError(f"{stage.final}: was trained on other data, or in another stage, than now; {REMEDY}")


def expect_continued(stage: Stage, checkpoint: Checkpoint, before: Checkpoint) -> None:
    """Whether a finished Stage II went on from these weights of Stage I.

    Raises:
        UserError: from others.
    """
    told = checkpoint.facts.get(ENTRY)
    found = told.get("before") if isinstance(told, dict) else None
    if found != before.sha256:
        raise UserError(f"{stage.final}: went on from other weights than {before.path}; {REMEDY}")


def binding(config: TrainingConfig) -> dict[str, Any]:
    """The fields on which the losses depend, as JSON gives them back."""
    values: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
    return {name: value for name, value in values.items() if name not in UNBOUND}
