"""`imlbench annotate-eval`: score annotators on datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from imlbench.cli import run_options as options
from imlbench.cli.options import config_option, failure_limit
from imlbench.cli.outcome import print_outcome
from imlbench.cli.running import prepare, run_and_tell, show_plan


def annotate_eval(
    dataset: options.DatasetNames,
    annotator: options.AnnotatorNames,
    data_root: options.DataRoots = None,
    limit: options.Limit = None,
    sample_id: options.SampleIds = None,
    workers: options.Workers = None,
    batch_size: options.BatchSize = 8,
    device: options.Device = "auto",
    seed: Annotated[int, typer.Option(help="Of subsets, seeded annotators and the bootstrap.")] = 0,
    out: options.Out = Path("results"),
    overwrite: options.Overwrite = options.OverwriteOption.ONLY_MISSING,
    fail_on_error: options.FailOnError = "0",
    save_maps: options.SaveMaps = False,
    boundary: options.Boundary = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    config: Annotated[Path | None, config_option("annotate-eval")] = None,
) -> None:
    """Score annotators on datasets and store exact counts; only what is missing is computed."""
    from imlbench.perturb import CLEAN

    limit_of_failures = failure_limit(fail_on_error)
    settings = options.make_settings(
        out=out,
        workers=workers,
        batch_size=batch_size,
        seed=seed,
        overwrite=overwrite,
        limit=limit,
        sample_id=sample_id,
        save_maps=save_maps,
        boundary=boundary,
    )
    evaluations = prepare(dataset, data_root or [], annotator, device, [CLEAN], settings)
    if dry_run:
        show_plan(evaluations, as_json)
    else:
        run_and_tell(evaluations, out, limit_of_failures, as_json, show_outcome)


def show_outcome(rows: list[dict[str, Any]], out: Path) -> None:
    """Print the table and what to do next."""
    print_outcome(rows, ["dataset", "annotator"], lambda row: [row["dataset"], row["annotator"]])
    typer.echo(f"results: {out / 'results.db'}; next: imlbench report table1 --results {out}")
