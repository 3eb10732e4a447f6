"""From what was asked for to a run that is ready, and to the line that ends it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.training.guard import guard
from imlbench.training.loop import Trainer
from imlbench.training.pairs import parse_place, read_training_set
from imlbench.training.run import BEST, FINAL, Run

if TYPE_CHECKING:
    from imlbench.training.items import Items
    from imlbench.training.pairs import Place, TrainingPair, TrainingSet
    from imlbench.training.recipe import Recipe
    from imlbench.training.task import Network, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for.

    Attributes:
        data: folders with masks, as `parse_place` reads them.
        out: the run's folder.
        resume: go on with the run in `out`.
        minutes: stop after this much wall time.
        steps: optimiser steps, in place of the recipe's.
        keep_out: further folders of images that must not be trained on.
        allow_evaluation_data: train on evaluation sets all the same.
        cpu: leave an accelerator alone.
        say: gets lines of progress.
    """

    data: Sequence[str]
    out: Path
    resume: bool = False
    minutes: float | None = None
    steps: int | None = None
    keep_out: Sequence[Path] = ()
    allow_evaluation_data: bool = False
    cpu: bool = False
    say: Callable[[str], None] = print

    @property
    def seconds(self) -> float | None:
        """The limit of the wall time."""
        return None if self.minutes is None else 60 * self.minutes


def read_data(request: Request, recipe: Recipe) -> tuple[TrainingSet, dict[str, object]]:
    """The pairs, and the guard's findings.

    Raises:
        UserError: a set cannot be read, or is evaluation data.
    """
    places = [parse_place(text) for text in request.data]
    read = read_training_set(places, recipe.validation_share)
    return read, guarded(request, places, (*read.train, *read.validation))


def guarded(request: Request, places: Sequence[Place], pairs: Sequence[TrainingPair]) -> dict[str, object]:
    """The guard's findings; says so where it had nothing to compare with.

    Raises:
        UserError: evaluation data, and nobody allowed it.
    """
    marks = guard(places, pairs, request.keep_out, request.allow_evaluation_data)
    if not marks["compared_with"] and not request.keep_out:
        request.say("no evaluation set has a configured data root here: no image could be compared with them")
    return marks


def make_trainer(
    request: Request,
    recipe: Recipe,
    task: Task[Network],
    data: Items,
    read: TrainingSet,
    marks: Mapping[str, object],
    identity: Mapping[str, Any] | None = None,
) -> Trainer[Network]:
    """A run that is ready to go, and knows how to tell its story.

    Args:
        request: what the user asked for.
        recipe: every number.
        task: network and losses.
        data: what an epoch goes through.
        read: the pairs.
        marks: the guard's findings.
        identity: what a resumed run must have the same, besides recipe and data; becomes part of the story.

    Raises:
        UserError: accelerate is missing, the folder holds another run, or the checkpoint does not fit.
    """
    run = Run(
        recipe=recipe,
        data=data,
        validation=read.validation,
        out=request.out,
        history={**marks, **told(recipe, read), **(identity or {})},
        data_sha256=read.sha256,
        identity=identity or {},
        seconds=request.seconds,
        resume=request.resume,
        cpu=request.cpu,
        say=request.say,
    )
    return Trainer(run, task)


def told(recipe: Recipe, read: TrainingSet) -> dict[str, Any]:
    """What weights tell of recipe, data and command."""
    return {
        "training": recipe.to_dict(),
        "data": list(dict.fromkeys(read.names)),
        "data_sha256": read.sha256,
        "pairs": len(read.train),
        "commands": [shlex.join(["imlbench", *sys.argv[1:]])],
    }


def complete(trainer: Trainer[Network], say: Callable[[str], None] = print) -> None:
    """Train, and say how it ended.

    Args:
        trainer: ready to go.
        say: gets the last line, of the first process alone.

    Raises:
        UserError: as `Trainer.train`.
    """
    score = trainer.train()
    if trainer.accelerator.is_main_process:
        found = "not validated now" if score is None else f"validation F1 {100 * score.f1:.1f}"
        say(f"{trainer.run.out}: {trainer.step} of {trainer.plan.steps} steps, {found}; {BEST}, {FINAL}")
