"""What one training run is made of, and the devices that it runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from imlbench.errors import UserError

if TYPE_CHECKING:
    from imlbench.training.items import Items
    from imlbench.training.pairs import TrainingPair
    from imlbench.training.recipe import Recipe

BEST, FINAL = "best.safetensors", "last.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is trained on what, and where it goes.

    Attributes:
        recipe: every number.
        data: what an epoch goes through.
        validation: pairs kept apart; none = the last weights count as the best.
        out: the run's folder.
        history: JSON-ready facts for the weights' header.
        data_sha256: of the pairs; a resumed run must have the same.
        identity: what else a resumed run must have the same, by the name that a message gives it; JSON-ready.
        seconds: stop, with a checkpoint, after this much wall time; None = no limit.
        resume: go on from the folder's checkpoint.
        cpu: leave an accelerator alone.
        say: gets lines of progress.
    """

    recipe: Recipe
    data: Items
    validation: Sequence[TrainingPair]
    out: Path
    history: Mapping[str, Any]
    data_sha256: str
    identity: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    resume: bool = False
    cpu: bool = False
    say: Callable[[str], None] = field(default=print)


def make_accelerator(precision: str, cpu: bool) -> Any:
    """accelerate's view of the devices.

    Args:
        precision: one of `recipe.PRECISIONS`.
        cpu: leave an accelerator alone.

    Raises:
        UserError: accelerate is not installed, or the precision is not to be had.
    """
    if find_spec("accelerate") is None:
        raise UserError("training needs accelerate, which is not installed: pip install 'imlbench[train]'")
    kind = import_module("accelerate").Accelerator
    if precision == "auto":
        precision = "bf16" if not cpu and torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"
    try:
        return kind(mixed_precision=precision, cpu=cpu)
    except (ValueError, ImportError) as error:
        raise UserError(f"precision {precision} cannot be had here: {error}") from error
