"""`imlbench robustness`: score annotators and detectors on perturbed images, clean ones beside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from imlbench.cli import run_options as options
from imlbench.cli.options import config_option, failure_limit
from imlbench.cli.outcome import adapter_name, condition_name, print_detections, print_outcome
from imlbench.cli.running import prepare, run_and_tell, show_plan
from imlbench.errors import UserError


class TargetOption(StrEnum):
    """Which images are perturbed."""

    EDITED = "edited"
    BOTH = "both"


class PresetOption(StrEnum):
    """Published sets of axes and severities."""

    SIGMA = "sigma"
    BENCO = "benco"


def robustness(
    dataset: options.DatasetNames,
    annotator: options.MaybeAnnotatorNames = None,
    detector: options.MaybeDetectorNames = None,
    perturb: Annotated[
        list[str] | None, typer.Option(help="Perturbation, see `imlbench list perturbations`; may be repeated.")
    ] = None,
    severity: Annotated[
        list[str] | None,
        typer.Option(metavar="X|NAME=X,...", help="90, or jpeg=90,70; may be repeated. The usual ones by default."),
    ] = None,
    preset: Annotated[
        PresetOption | None, typer.Option(help="Severities of jpeg, noise and blur; all three without --perturb.")
    ] = None,
    target: Annotated[TargetOption, typer.Option(help="Perturb the edited image, or for annotators both.")] = (
        TargetOption.EDITED
    ),
    clean: Annotated[
        bool, typer.Option("--clean/--no-clean", help="Also score the clean images; what is stored is used again.")
    ] = True,
    authentic: options.Authentic = options.AuthenticOption.LISTED,
    data_root: options.DataRoots = None,
    limit: options.Limit = None,
    sample_id: options.SampleIds = None,
    workers: options.Workers = None,
    batch_size: options.BatchSize = 8,
    device: options.Device = "auto",
    seed: Annotated[int, typer.Option(help="Of noise, subsets, seeded annotators and the bootstrap.")] = 0,
    out: options.Out = Path("results"),
    overwrite: options.Overwrite = options.OverwriteOption.ONLY_MISSING,
    fail_on_error: options.FailOnError = "0",
    save_maps: options.SaveMaps = False,
    boundary: options.Boundary = None,
    dry_run: options.DryRun = False,
    as_json: options.AsJson = False,
    config: Annotated[Path | None, config_option("robustness")] = None,
) -> None:
    """Score annotators and detectors on perturbed images, beside clean ones; only what is missing is computed."""
    from imlbench.perturbations.sweep import sweep_conditions

    if not (annotator or detector):
        raise UserError("nothing to score: give --annotator or --detector")
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
    conditions = sweep_conditions(perturb or [], severity or [], preset.value if preset else None, target.value, clean)
    originals = authentic is options.AuthenticOption.ORIGINALS
    evaluations = prepare(
        dataset, data_root or [], annotator or [], device, conditions, settings, detector or [], originals
    )
    if dry_run:
        show_plan(evaluations, as_json)
    else:
        run_and_tell(evaluations, out, limit_of_failures, as_json, show_outcome)


def show_outcome(rows: list[dict[str, Any]], out: Path) -> None:
    """Print a table of each kind of adapters, an adapter's conditions together, and what to do next."""
    for kind, show in (("annotator", print_outcome), ("detector", print_detections)):
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in rows:
            if kind in row:
                groups.setdefault((row["dataset"], adapter_name(row)), []).append(row)
        if together := [row for group in groups.values() for row in group]:
            names = ["dataset", kind, "condition"]
            show(together, names, lambda row: [row["dataset"], adapter_name(row), condition_name(row)])
    following = f"imlbench report robustness --results {out} -o robustness.png"
    both = any("annotator" in row for row in rows) and any("detector" in row for row in rows)
    apart = "; and with --detector '*' for the detectors" if both else ""
    typer.echo(f"results: {out / 'results.db'}; next: {following}{apart}")
