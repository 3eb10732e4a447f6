"""`imlbench detect-eval`: score detectors on datasets, tampered and authentic images apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from imlbench.cards import Card
from imlbench.cli import run_options as options
from imlbench.cli.options import config_option, failure_limit
from imlbench.cli.outcome import number, print_detections
from imlbench.cli.running import prepare, run_and_tell, show_plan
from imlbench.report import Report


def detect_eval(
    dataset: options.DatasetNames,
    detector: options.DetectorNames,
    data_root: options.DataRoots = None,
    authentic: options.Authentic = options.AuthenticOption.LISTED,
    limit: options.Limit = None,
    sample_id: options.SampleIds = None,
    workers: options.Workers = None,
    batch_size: options.BatchSize = 8,
    device: options.Device = "auto",
    seed: Annotated[int, typer.Option(help="Of subsets, seeded detectors and the bootstrap.")] = 0,
    out: options.Out = Path("results"),
    overwrite: options.Overwrite = options.OverwriteOption.ONLY_MISSING,
    fail_on_error: options.FailOnError = "0",
    save_maps: options.SaveMaps = False,
    boundary: options.Boundary = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    config: Annotated[Path | None, config_option("detect-eval")] = None,
) -> None:
    """Score detectors on datasets and store exact counts; only what is missing is computed.

    Localisation is averaged over tampered images alone; false alarms and image-level AUC tell of authentic ones.
    """
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
    originals = authentic is options.AuthenticOption.ORIGINALS
    evaluations = prepare(dataset, data_root or [], [], device, [CLEAN], settings, detector, originals)
    if dry_run:
        show_plan(evaluations, as_json)
    else:
        run_and_tell(evaluations, out, limit_of_failures, as_json, show_outcome)


def show_outcome(rows: list[dict[str, Any]], out: Path) -> None:
    """Print the table, what it lacks, and where the results are."""
    print_detections(rows, ["dataset", "detector"], lambda row: [row["dataset"], row["detector"]])
    lacking = dict.fromkeys(row["dataset"] for row in rows if not number(row, "false_alarms_authentic"))
    if lacking:
        names = ", ".join(lacking)
        typer.echo(f"no authentic images in {names}; where there are originals, --authentic originals takes them")
    typer.echo(f"results: {out / 'results.db'}")


DETECT_EVAL = Report(
    Card(
        name="detect-eval",
        title="detect-eval",
        version="1",
        summary="Score detectors on datasets, tampered and authentic images apart.",
        licence="Apache-2.0",
        citation="imlbench, docs/detect.md",
    ),
    detect_eval,
)
