"""Trains one stage of an ablation, from the start or from where it was killed, to its final weights."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from annotators.sigma.ablation.config_file import toml_text
from annotators.sigma.ablation.finished import ENTRY, expect_continued, finished
from annotators.sigma.checkpoint import read_checkpoint
from annotators.sigma.training import launch
from annotators.sigma.training.export import export, load_trained
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.training.checkpoints import LAST
from imlbench.training.pairs import parse_place, read_training_set
from imlbench.training.run import BEST

if TYPE_CHECKING:
    from annotators.sigma.ablation.stages import Stage
    from annotators.sigma.checkpoint import Checkpoint
    from annotators.sigma.network.model import Sigma
    from imlbench.training.loop import Trainer


@dataclass(frozen=True, slots=True)
class Material:
    """What all variants are trained on, and under which limits.

    Attributes:
        data: folders with masks, as `parse_place` reads them.
        unlabelled: Stage II's editing pairs; empty = those of `data`.
        minutes: limit of each stage, over all its runs; None = all steps are taken.
        keep_out: further folders of images that must not be trained on.
        allow_evaluation_data: train on evaluation sets all the same.
        cpu: leave an accelerator alone.
        say: gets lines of progress.
    """

    data: Sequence[str]
    unlabelled: Sequence[str] = ()
    minutes: float | None = None
    keep_out: Sequence[Path] = ()
    allow_evaluation_data: bool = False
    cpu: bool = False
    say: Callable[[str], None] = print

    def identities(self) -> tuple[str, str]:
        """SHA-256 of the pairs of Stage I and of Stage II, as the trainer writes them.

        Raises:
            UserError: a set cannot be read.
        """
        labelled = read_training_set([parse_place(text) for text in self.data], 0.0).sha256
        if not self.unlabelled:
            return labelled, labelled
        others = read_training_set([parse_place(text) for text in self.unlabelled], 0.0).sha256
        return labelled, f"{labelled}-{others}"


def weights_of(stages: Sequence[Stage], material: Material, identities: tuple[str, str]) -> list[Checkpoint]:
    """The weights of each stage of a variant; what is not finished is trained.

    Raises:
        UserError: anything about data, weights or folder that the user can mend.
    """
    found: list[Checkpoint] = []
    for stage in stages:
        identity = identities[stage.number - 1]
        checkpoint = finished(stage, identity)
        if checkpoint is None:
            train_stage(stage, material, found[-1] if found else None)
            checkpoint = finished(stage, identity)
        if checkpoint is None:
            raise UserError(f"{stage.final}: disappeared while it was needed; run the same command again")
        if found:
            expect_continued(stage, checkpoint, found[-1])
        found.append(checkpoint)
    return found


def train_stage(stage: Stage, material: Material, before: Checkpoint | None) -> None:
    """Train to the end, or to the end of the minutes, and write the final weights.

    Raises:
        UserError: as of `launch.prepare` and of the training loop, or the folder holds another run.
    """
    resume = (stage.folder / LAST).is_file()
    if not resume:
        # Killed between its first validation and its first checkpoint: there is nothing to go on from.
        (stage.folder / BEST).unlink(missing_ok=True)
    material.say(f"{stage.name}: {'goes on' if resume else 'begins'}")
    trainer = prepared(stage, material, before, resume)
    write_atomically(stage.folder / "config.toml", toml_text(stage.config))
    if material.minutes is not None:
        left = 60 * material.minutes - trainer.trained_seconds
        trainer.run = replace(trainer.run, seconds=max(0.0, left))
    trainer.train()
    finish(stage, trainer, before)


def prepared(stage: Stage, material: Material, before: Checkpoint | None, resume: bool) -> Trainer[Sigma]:
    """The trainer, from its checkpoint where there is one.

    Raises:
        UserError: as of `launch.prepare`, or the checkpoint is damaged or went on from other weights.
    """
    with tempfile.TemporaryDirectory() as folder:
        # In the stage's folder it would replace the one of a run that is then found to be another.
        path = Path(folder) / "config.toml"
        path.write_text(toml_text(stage.config), encoding="utf-8")
        request = launch.Request(
            stage=stage.number,
            config=str(path),
            data=material.data,
            unlabelled=material.unlabelled if stage.number == 2 else (),
            out=stage.folder,
            start=None if stage.before is None else stage.before.final,
            resume=resume,
            keep_out=material.keep_out,
            allow_evaluation_data=material.allow_evaluation_data,
            cpu=material.cpu,
            say=lambda line: material.say(f"{stage.name}: {line}"),
        )
        try:
            trainer = launch.prepare(request)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            if not resume:
                raise
            # The trainer believes a checkpoint that torch reads; one by another hand raises whatever it leads to.
            reason = one_line(f"{type(error).__name__}: {error}", 160)
            raise UserError(f"{stage.folder / LAST}: damaged ({reason}); delete it to train the stage anew") from error
    if before is not None and trainer.history.get("before") != dict(before.facts):
        raise UserError(f"{stage.folder}: went on from other weights than {before.path}; delete it to train it anew")
    return trainer


def finish(stage: Stage, trainer: Trainer[Sigma], before: Checkpoint | None) -> None:
    """Write the final weights: those of the best validation, and what the ablation knows of them.

    Raises:
        UserError: the folder cannot be read or written.
    """
    best = stage.folder / BEST
    if best.is_file():
        load_trained(best, trainer.network)
        facts = dict(read_checkpoint(best).facts)
    else:
        # Without validation pairs the last weights are the best; a kill may have come before they were written.
        trainer.network.load_state_dict(trainer.ema.network.state_dict())
        facts = {**trainer.history, "step": trainer.step, "seconds": round(trainer.trained_seconds), "score": None}
    told = {"variant": stage.owner, "steps": trainer.step, "before": None if before is None else before.sha256}
    export(stage.final, trainer.network, {**facts, ENTRY: told})
