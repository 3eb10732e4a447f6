"""The ablation itself: variant after variant, train what is not finished and evaluate what is; then the table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from annotators.sigma.ablation.annotator import Grounding, VariantAnnotator
from annotators.sigma.ablation.cards import policy_of, variant_card
from annotators.sigma.ablation.finished import finished
from annotators.sigma.ablation.stages import Trial
from annotators.sigma.ablation.training import Material, weights_of
from annotators.sigma.training import launch
from imlbench.cli.outcome import complain, outcome_rows
from imlbench.cli.running import interrupted, run_with_progress
from imlbench.datasets.files import walk
from imlbench.errors import UserError
from imlbench.evaluation import Evaluation, best_device
from imlbench.jobs import Handle, make_jobs
from imlbench.perturb import CLEAN
from imlbench.registry import resolve

if TYPE_CHECKING:
    from annotators.sigma.ablation.cards import VariantCard
    from imlbench.datasets.base import Dataset
    from imlbench.settings import Settings

SEED = 0
"""Of subsets, so that another seed of training is measured on the same samples."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """What to do.

    Attributes:
        trials: the variants.
        material: what they are trained on.
        datasets: what they are evaluated on, opened.
        settings: how that is done; `out` is the folder of everything.
        config_name: preset or file that was asked for, without folders.
        limit_of_failures: as `imlbench annotate-eval` has it.
    """

    trials: Sequence[Trial]
    material: Material
    datasets: Sequence[Dataset]
    settings: Settings
    config_name: str
    limit_of_failures: tuple[float, bool]

    @property
    def device(self) -> str:
        """Where the variants are evaluated."""
        return "cpu" if self.material.cpu else best_device()


def run(ablation: Ablation) -> None:
    """Train, evaluate, print.

    Raises:
        UserError: anything that the user can mend; what was finished stays.
        typer.Exit: with code 1 where too many samples failed or nothing was scored.
    """
    identities = ablation.material.identities()
    grounding = Grounding(ablation.trials[0].full, ablation.device)
    check_ahead(ablation.trials, identities, grounding)
    rows = []
    for trial in ablation.trials:
        weights = weights_of(trial.stages, ablation.material, identities)
        card = variant_card(trial, weights, ablation.config_name)
        factory = partial(VariantAnnotator, trial, card, weights[-1], grounding)
        rows += evaluate(ablation, card, factory)
    resolve("reports", "table3").load().command(results=ablation.settings.out)
    complain(rows, ablation.limit_of_failures, ablation.settings.out)


def check_ahead(trials: Sequence[Trial], identities: tuple[str, str], grounding: Grounding) -> None:
    """Find now what would be wrong after hours: sizes, weights of another training, grounder, autoencoders.

    Raises:
        UserError: something is; the message says what to do.
    """
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        raise UserError("imlbench ablation runs in one process; train single variants with accelerate instead")
    for trial in trials:
        policy_of(trial.variant.config)
    every = [stage for trial in trials for stage in trial.stages]
    stages = [stage for stage in every if finished(stage, identities[stage.number - 1]) is None]
    if any(stage.config.network.grounding for stage in stages):
        _ = grounding.priors
    for name in dict.fromkeys(name for stage in stages if stage.number == 2 for name in stage.config.autoencoders):
        launch.round_trip(name)


def evaluate(ablation: Ablation, card: VariantCard, factory: partial[VariantAnnotator]) -> list[dict[str, Any]]:
    """Score a variant on every dataset; returns what came of it.

    Raises:
        UserError: as of `Evaluation.run`.
    """
    rows = []
    handle = Handle(card, factory, ablation.device, SEED)
    for dataset in ablation.datasets:
        evaluation = Evaluation(dataset, make_jobs([handle], dataset, [CLEAN], SEED), ablation.settings)
        typer.echo(f"{card.name} on {dataset.label}", err=True)
        account = run_with_progress(evaluation)
        if account.interrupted:
            interrupted(account, ablation.settings.out)
        rows += outcome_rows(evaluation)
    return rows


def folders_of_images(datasets: Sequence[Dataset]) -> list[Path]:
    """The evaluation sets' folders, for the guard: what is measured on must not be trained on.

    Sets that hold their images in tables are left out; the guard compares files.
    """
    return [Path(dataset.root) for dataset in datasets if next(walk(str(dataset.root)), None) is not None]


def opened(names: Sequence[str], roots: dict[str, Path | None]) -> list[Dataset]:
    """The datasets, each once.

    Raises:
        UserError: an unknown name, or a missing root.
    """
    from imlbench.datasets.opening import open_dataset

    return [open_dataset(name, roots[name]) for name in dict.fromkeys(names)]
