"""From what was asked for to a fine-tuning that is ready, and to the lines that end it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.training.checkpoints import CONTENT
from imlbench.training.configuring import read_tables
from imlbench.training.exported import read_image_set
from imlbench.training.finetuners import PUBLIC, SCRATCH, Finetuner
from imlbench.training.launch import Request, guarded, told
from imlbench.training.run import BEST, FINAL, Run
from imlbench.training.single_loop import ImageTrainer
from imlbench.weights.checking import digest

if TYPE_CHECKING:
    from imlbench.training.finetuners import Begun
    from imlbench.training.single_recipe import ImageRecipe

FIRST = "first.safetensors"
"""The weights before the first step, in the detector's own format."""
FINISHED = "finished.json"
"""Written last: what came of a run that has taken all its steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneRequest(Request):
    """What the user asked for.

    Attributes:
        config: a preset's name or a TOML file; empty = the detector's usual recipe.
        init: public = the weights that the detector runs with; scratch = random ones; else a weight file.
        seed: in place of the recipe's; None = the recipe's.
    """

    config: str = ""
    init: str = PUBLIC
    seed: int | None = None


def prepare(request: FinetuneRequest, detector: Finetuner) -> ImageTrainer[Any]:
    """A run that is ready to go; the weights that it begins with are in its folder.

    Raises:
        UserError: anything about configuration, data, weights or folder that the user can mend.
    """
    recipe, tables = read_config(request, detector)
    read, places = read_image_set(request.data, recipe.validation_share)
    marks = guarded(request, places, (*read.train, *read.validation))
    torch.manual_seed(recipe.seed)
    begun = detector.begin(recipe, checked_init(request.init), tables)
    # As JSON gives it back.
    identity: dict[str, Any] = json.loads(json.dumps({"detector": detector.name, **begun.identity}))
    if clash := CONTENT & identity.keys():
        raise TypeError(f"{detector.name}: a checkpoint keeps something else under {', '.join(sorted(clash))}")
    run = Run(
        recipe=recipe,
        data=detector.data(read.train, recipe),
        validation=read.validation,
        out=request.out,
        history={**marks, **told(recipe, read), **identity},
        data_sha256=read.sha256,
        identity=identity,
        seconds=request.seconds,
        resume=request.resume,
        cpu=request.cpu,
        say=request.say,
    )
    trainer = ImageTrainer(run, begun.task)
    keep_first(trainer, begun)
    return trainer


def read_config(request: FinetuneRequest, detector: Finetuner) -> tuple[ImageRecipe, dict[str, Any]]:
    """The recipe, and the tables that the configuration has besides.

    Raises:
        UserError: no such preset or file, an unknown key, a wrong type, or a value out of range.
    """
    recipe, _, tables = read_tables(request.config, detector.recipes, detector.tables)
    asked: dict[str, Any] = {"steps": request.steps, "seed": request.seed}
    return replace(recipe, **{name: value for name, value in asked.items() if value is not None}), tables


def checked_init(init: str) -> str:
    """The word, or the file.

    Raises:
        UserError: neither.
    """
    if init not in (PUBLIC, SCRATCH) and not os.path.isfile(init):
        raise UserError(f"--init: expected {PUBLIC}, {SCRATCH} or a weight file, found {one_line(repr(init), 200)}")
    return init


def keep_first(trainer: ImageTrainer[Any], begun: Begun) -> None:
    """Write the weights before the first step, once."""
    path = trainer.run.out / FIRST
    if trainer.accelerator.is_main_process and trainer.step == 0 and not path.is_file():
        begun.task.export(path, begun.task.network, {**trainer.run.identity, "step": 0})


def complete(trainer: ImageTrainer[Any], say: Callable[[str], None] = print) -> bool:
    """Train, and say how it ended.

    Args:
        trainer: ready to go.
        say: gets the last line, of the first process alone.

    Returns:
        Whether all steps are taken.

    Raises:
        UserError: as `Trainer.train`.
    """
    score = trainer.train()
    whole = trainer.step >= trainer.plan.steps
    if trainer.accelerator.is_main_process:
        found = "not validated now" if score is None else f"validation F1 {100 * score.f1:.1f}"
        say(f"{trainer.run.out}: {trainer.step} of {trainer.plan.steps} steps, {found}; {BEST}, {FINAL}")
        if whole:
            write_atomically(trainer.run.out / FINISHED, json.dumps(facts_of(trainer), indent=1) + "\n")
    return whole


def facts_of(trainer: ImageTrainer[Any]) -> dict[str, Any]:
    """What came of a whole run."""
    return {
        "detector": trainer.run.identity["detector"],
        "steps": trainer.step,
        "seconds": round(trainer.trained_seconds, 1),
        "images": len(trainer.run.data),
        "best_f1": trainer.best if trainer.run.validation else None,
        "best_sha256": digest(trainer.run.out / BEST),
        "first_sha256": digest(trainer.run.out / FIRST),
    }
