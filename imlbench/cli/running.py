"""What happens after the options of a scoring command are read: prepare, run or plan, and tell what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imlbench.cli.options import roots_by_dataset
from imlbench.cli.outcome import adapter_name, complain, condition_name, facts, outcome_rows

if TYPE_CHECKING:
    from imlbench.account import Account
    from imlbench.evaluation import Evaluation
    from imlbench.perturb import Condition
    from imlbench.settings import Settings

ShowOutcome = Callable[[list[dict[str, Any]], Path], None]


def prepare(
    datasets: Sequence[str],
    data_roots: Sequence[str],
    annotators: Sequence[str],
    device: str,
    conditions: Sequence[Condition],
    settings: Settings,
    detectors: Sequence[str] = (),
    originals: bool = False,
) -> list[Evaluation]:
    """One evaluation per dataset and kind of adapter, with every adapter of that kind under every condition.

    Args:
        datasets: labels.
        data_roots: as typed.
        annotators: names or globs; may be none where there are detectors.
        device: of all adapters.
        conditions: of all jobs.
        settings: of all evaluations.
        detectors: names or globs.
        originals: whether detectors are shown the originals too, as authentic images.

    Raises:
        UserError: an unknown name, a missing root, a missing weight file.
    """
    from imlbench.authentic import WithOriginals
    from imlbench.datasets.opening import open_dataset
    from imlbench.evaluation import Evaluation, resolve_devices
    from imlbench.jobs import annotator_handles, detector_handles, make_jobs

    roots = roots_by_dataset(datasets, data_roots)
    # What a third party's code prints must not end up in the table or the JSON.
    with redirect_stdout(sys.stderr):
        asked = resolve_devices(annotator_handles(annotators, device, settings.seed))
        shown = resolve_devices(detector_handles(detectors, device, settings.seed))
        evaluations = []
        for opened in [open_dataset(name, roots[name]) for name in dict.fromkeys(datasets)]:
            if asked:
                jobs = make_jobs(asked, opened, conditions, settings.seed)
                evaluations.append(Evaluation(opened, jobs, settings))
            if shown:
                images = WithOriginals(opened) if originals else opened
                jobs = make_jobs(shown, images, conditions, settings.seed, "detector")
                evaluations.append(Evaluation(images, jobs, settings))
        return evaluations


def run_and_tell(
    evaluations: Sequence[Evaluation],
    out: Path,
    limit_of_failures: tuple[float, bool],
    as_json: bool,
    show: ShowOutcome,
) -> None:
    """Run the evaluations and print what came of them.

    Args:
        evaluations: what to run.
        out: the results folder.
        limit_of_failures: the bound, and whether it is a fraction.
        as_json: print JSON instead of the table.
        show: prints the table.

    Raises:
        typer.Exit: with code 1 where too many samples failed or nothing was scored.
    """
    for evaluation in evaluations:
        account = run_with_progress(evaluation)
        if account.interrupted:
            interrupted(account, out)
    outcome = [row for evaluation in evaluations for row in outcome_rows(evaluation)]
    if as_json:
        typer.echo(json.dumps({"results": str(out), "runs": outcome}, indent=2))
    else:
        show(outcome, out)
    complain(outcome, limit_of_failures, out)


def run_with_progress(evaluation: Evaluation) -> Account:
    """Run one evaluation under a bar or lines."""
    from imlbench.cli.progress import progress

    with progress(evaluation.dataset.title) as bar, redirect_stdout(sys.stderr):
        evaluation.progress = bar
        return evaluation.run()


def interrupted(account: Account, out: Path) -> None:
    """Say what was kept after Ctrl-C, and leave with the shell's code for it."""
    kept = sum(account.computed.values())
    typer.echo(
        f"imlbench: interrupted; {kept} new results are stored in {out}; run the same command again to go on", err=True
    )
    # Not typer.Exit, which would look like an interruption that nobody has told of.
    sys.exit(130)


def show_plan(evaluations: Sequence[Evaluation], as_json: bool) -> None:
    """Print what would be computed."""
    rows = []
    for evaluation in evaluations:
        missing = evaluation.plan()
        rows += [
            {
                **facts(job),
                "to_compute": missing.get(job.run_id, 0),
            }
            for job in evaluation.jobs
        ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        what = "  ".join(filter(None, (row["dataset"], adapter_name(row), condition_name(row, clean=""))))
        typer.echo(f"{what}: {row['to_compute']} samples to compute")
