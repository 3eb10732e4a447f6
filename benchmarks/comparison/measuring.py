"""What the trained annotators are worth: scores on datasets, clean and perturbed, kept in a results file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from sys import stderr
from typing import TYPE_CHECKING

from benchmarks.comparison.order import Order
from imlbench.cli.progress import progress
from imlbench.datasets.files import walk
from imlbench.datasets.opening import open_dataset
from imlbench.errors import UserError
from imlbench.evaluation import Evaluation
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations.sweep import sweep_conditions
from imlbench.settings import Settings

if TYPE_CHECKING:
    from imlbench.account import Account
    from imlbench.datasets.base import Dataset

AXES = (("vae-taef2", 1), ("jpeg", 50), ("noise", 25), ("blur", 13))
"""The round trip, and the strongest step of each axis of the paper's kinds."""
SEED = 0
"""Of subsets, noise and the bootstrap: another seed of training is measured on the same images."""
RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Column:
    """One dataset under one condition.

    Attributes:
        title: for people.
        runs: of the results file, by annotator.
    """

    title: str
    runs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured.

    Attributes:
        columns: in the table's order.
        left_out: perturbations that cannot be had here, and why.
        computed: outcomes that were computed now.
        failed: outcomes without a score.
    """

    columns: list[Column]
    left_out: list[str]
    computed: int
    failed: int


def opened(order: Order) -> list[Dataset]:
    """The datasets, the demo set last.

    Raises:
        UserError: an unknown name, or a missing root.
    """
    named = [text.partition("=") for text in order.datasets]
    found = [open_dataset(name, folder or None) for name, _, folder in named]
    return [*found, open_dataset("demo", order.out / "demo")] if order.demo else found


def folders_of_images(datasets: Sequence[Dataset]) -> list[Path]:
    """Folders that nothing may be trained on; the guard compares files, so sets in tables are left out."""
    return [Path(dataset.root) for dataset in datasets if next(walk(str(dataset.root)), None) is not None]


def conditions() -> tuple[list[Condition], list[str]]:
    """Clean and perturbed; and what is left out, since its weights are not here."""
    found, left_out = [CLEAN], []
    for name, severity in AXES:
        (condition,) = sweep_conditions([name], [str(severity)], clean=False)
        try:
            condition.identity()
        except UserError as error:
            left_out.append(f"{name}: {str(error).removeprefix(f'{name}: ')}")
        else:
            found.append(condition)
    return found, left_out


def measure(order: Order, datasets: Sequence[Dataset]) -> Measured:
    """Score everybody on everything that is not stored yet. Call within `weights_of`.

    Raises:
        UserError: an annotator cannot be built, or the results cannot be written.
        KeyboardInterrupt: it was interrupted.
    """
    perturbed, left_out = conditions()
    columns: list[Column] = []
    computed = failed = 0
    for dataset in datasets:
        asked = [CLEAN] if dataset.card.name == "demo" else perturbed
        jobs = make_jobs(annotator_handles(order.names, "cpu", SEED), dataset, asked, SEED)
        settings = Settings(out=order.out / RESULTS, limit=order.limit, seed=SEED)
        account = evaluated(Evaluation(dataset, jobs, settings))
        computed += account.computed.total()
        failed += account.total("failed") + account.total("skipped")
        for condition in asked:
            runs = {job.run.adapter: job.run_id for job in jobs if job.condition == condition}
            columns.append(Column(f"{dataset.label}, {words(condition)}", runs))
    return Measured(columns, left_out, computed, failed)


def evaluated(evaluation: Evaluation) -> Account:
    """Run one evaluation under a bar or lines.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    with progress(evaluation.dataset.title) as bar, redirect_stdout(stderr):
        evaluation.progress = bar
        account = evaluation.run()
    if account.interrupted:
        raise KeyboardInterrupt
    return account


def words(condition: Condition) -> str:
    """A condition for people."""
    return f"{condition.name} {condition.severity:g}" if condition.perturbation else "clean"
