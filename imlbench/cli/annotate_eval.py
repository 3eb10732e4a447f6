"""`imlbench annotate-eval`: score annotators on datasets."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.cli.options import config_option, failure_limit, roots_by_dataset

if TYPE_CHECKING:
    from imlbench.account import Account
    from imlbench.evaluation import Evaluation

SHOWN = ("f1", "iou")


class OverwriteOption(StrEnum):
    """What to do about results that are there already."""

    NEVER = "never"
    ONLY_MISSING = "only-missing"
    ALWAYS = "always"


def annotate_eval(
    dataset: Annotated[list[str], typer.Option(help="Dataset, or dataset:variant; may be repeated.")],
    annotator: Annotated[list[str], typer.Option(help="Annotator or glob such as 'pixdiff-*'; may be repeated.")],
    data_root: Annotated[
        list[str] | None,
        typer.Option(help="The dataset's folder; with several datasets NAME=DIR, or a folder that holds one each."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Score a random subset of this size, the same every time.")] = None,
    sample_id: Annotated[list[str] | None, typer.Option(help="Score only this sample; may be repeated.")] = None,
    workers: Annotated[int | None, typer.Option(help="Decoding threads; as many as processors by default.")] = None,
    batch_size: Annotated[int, typer.Option(help="Pairs per call of an annotator that works in batches.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    seed: Annotated[int, typer.Option(help="Of subsets, seeded annotators and the bootstrap.")] = 0,
    out: Annotated[Path, typer.Option(help="The results folder.")] = Path("results"),
    overwrite: Annotated[
        OverwriteOption,
        typer.Option(
            help="never: leave annotators with any result alone; only-missing: compute what is not stored, failed or "
            "whose files changed; always: compute everything anew."
        ),
    ] = OverwriteOption.ONLY_MISSING,
    fail_on_error: Annotated[
        str,
        typer.Option(
            metavar="N|FRACTION", help="Exit with 1 if an annotator failed on more samples: 5, or 0.01 for 1 %."
        ),
    ] = "0",
    save_maps: Annotated[bool, typer.Option("--save-maps", help="Keep every score map as PNG in OUT/maps.")] = False,
    boundary: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Also compute boundary F1 at this tolerance.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be computed, compute nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    config: Annotated[Path | None, config_option("annotate-eval")] = None,
) -> None:
    """Score annotators on datasets and store exact counts; only what is missing is computed."""
    from imlbench.datasets.opening import open_dataset
    from imlbench.evaluation import Evaluation, resolve_devices
    from imlbench.jobs import annotator_handles, make_jobs
    from imlbench.perturb import CLEAN
    from imlbench.settings import Settings, available_cpus

    limit_of_failures = failure_limit(fail_on_error)
    settings = Settings(
        out=out,
        workers=available_cpus() if workers is None else workers,
        batch_size=batch_size,
        seed=seed,
        overwrite=overwrite.value,
        limit=limit,
        sample_ids=tuple(sample_id or ()),
        save_maps=save_maps,
        boundary=boundary,
    )
    roots = roots_by_dataset(dataset, data_root or [])
    with redirect_stdout(sys.stderr):
        handles = resolve_devices(annotator_handles(annotator, device, seed))
        opened = [open_dataset(name, roots[name]) for name in dict.fromkeys(dataset)]
    evaluations = [Evaluation(one, make_jobs(handles, one, [CLEAN], seed), settings) for one in opened]
    if dry_run:
        show_plan(evaluations, as_json)
        return
    for evaluation in evaluations:
        account = run_with_progress(evaluation)
        if account.interrupted:
            interrupted(account, out)
    outcome = [row for evaluation in evaluations for row in outcome_rows(evaluation)]
    if as_json:
        typer.echo(json.dumps({"results": str(out), "runs": outcome}, indent=2))
    else:
        show_outcome(outcome, out)
    complain(outcome, limit_of_failures, out)


def run_with_progress(evaluation: Evaluation) -> Account:
    """Run one evaluation under a bar or lines."""
    from imlbench.cli.progress import progress

    # What a third party's code prints must not end up in the table or the JSON.
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


def show_plan(evaluations: list[Evaluation], as_json: bool) -> None:
    """Print what would be computed."""
    rows = []
    for evaluation in evaluations:
        missing = evaluation.plan()
        rows += [
            {
                "dataset": job.run.dataset,
                "annotator": job.run.adapter,
                "run_id": job.run_id,
                "to_compute": missing.get(job.run_id, 0),
            }
            for job in evaluation.jobs
        ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['dataset']}  {row['annotator']}: {row['to_compute']} samples to compute")


def outcome_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """What came of each run, with its stored means."""
    from imlbench.results.reading import ResultReader

    account = evaluation.account
    with ResultReader(evaluation.settings.out) as reader:
        return [
            {
                "dataset": job.run.dataset,
                "annotator": job.run.adapter,
                "run_id": job.run_id,
                "computed": account.computed[job.run_id],
                "stored": account.stored[job.run_id],
                "scored": account.total("ok", job.run_id),
                "failed": account.reasons("failed", job.run_id),
                "skipped": account.reasons("skipped", job.run_id),
                "metrics": {
                    name: {key: none_for_nan(value) for key, value in numbers(summary).items()}
                    for name, summary in reader.stored_summaries(job.run_id).items()
                },
            }
            for job in evaluation.jobs
        ]


def numbers(summary: Any) -> dict[str, float]:
    """A summary as a dictionary."""
    from dataclasses import asdict

    return asdict(summary)


def none_for_nan(value: float) -> float | None:
    """JSON has no NaN."""
    return None if value != value else value


def show_outcome(rows: list[dict[str, Any]], out: Path) -> None:
    """Print a table of the means, per cent."""
    from imlbench.cli.tables import print_table

    header = ["dataset", "annotator", "n", "F1", "95 %", "IoU", "95 %", "computed", "skipped", "failed"]
    body = []
    for row in rows:
        summaries = [row["metrics"].get(name) for name in SHOWN]
        # The means are over all that is stored, of which a limit may have looked at less.
        cells = [row["dataset"], row["annotator"], str(summaries[0]["n"]) if summaries[0] else "-"]
        for summary in summaries:
            cells += summary_cells(summary)
        body.append([*cells, str(row["computed"]), *(str(sum(row[kind].values())) for kind in ("skipped", "failed"))])
    print_table(header, body)
    typer.echo(f"results: {out / 'results.db'}; next: imlbench report table1 --results {out}")


def summary_cells(summary: dict[str, float | None] | None) -> list[str]:
    """Mean and interval in per cent, "-" where there is none."""
    if summary is None or summary["mean"] is None:
        return ["-", "-"]
    low, high = summary["low"], summary["high"]
    interval = "-" if low is None or high is None else f"{100 * low:.1f}-{100 * high:.1f}"
    return [f"{100 * summary['mean']:.2f}", interval]


def complain(rows: list[dict[str, Any]], limit: tuple[float, bool], out: Path) -> None:
    """Name the failures, and leave with 1 where there are too many or nothing was scored.

    Raises:
        typer.Exit: with code 1.
    """
    bound, is_fraction = limit
    too_many = False
    for row in rows:
        failed, skipped = sum(row["failed"].values()), sum(row["skipped"].values())
        for kind, count in (("failed", failed), ("skipped", skipped)):
            if count:
                reasons = ", ".join(f"{reason} {number}" for reason, number in row[kind].items())
                typer.echo(f"{row['annotator']} on {row['dataset']}: {count} {kind} ({reasons})", err=True)
        total = row["scored"] + failed + skipped
        too_many |= failed > (bound * total if is_fraction else bound) or (total > 0 and row["scored"] == 0)
    if too_many:
        typer.echo(f"imlbench: samples failed or nothing was scored; the reasons are stored in {out}", err=True)
        raise typer.Exit(1)
