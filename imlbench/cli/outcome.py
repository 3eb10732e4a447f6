"""What came of a scoring command: rows of facts and means, as a table or for JSON, and complaints about failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from imlbench.evaluation import Evaluation
    from imlbench.jobs import Job

SHOWN = ("f1", "iou")
WHOLE = ("marked_whole", "image_auc_whole")


def facts(job: Job) -> dict[str, Any]:
    """What tells a run from the others."""
    run = job.run
    condition = {"perturbation": run.perturbation, "severity": run.severity, "target": run.target}
    return {"dataset": run.dataset, run.kind: run.adapter, **condition, "run_id": job.run_id}


def adapter_name(row: dict[str, Any]) -> str:
    """The annotator or the detector of a row."""
    return str(row.get("annotator") or row["detector"])


def condition_name(row: dict[str, Any], clean: str = "clean") -> str:
    """The condition of a row for people: "jpeg 90", "jpeg 90 on both", or `clean`."""
    if not row["perturbation"]:
        return clean
    where = "" if row["target"] == "edited" else f" on {row['target']}"
    return f"{row['perturbation']} {row['severity']:g}{where}"


def outcome_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """What came of each run, with its stored means."""
    from imlbench.results.reading import ResultReader

    account = evaluation.account
    with ResultReader(evaluation.settings.out) as reader:
        return [
            {
                **facts(job),
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


def print_outcome(
    rows: list[dict[str, Any]], names: Sequence[str], cells: Callable[[dict[str, Any]], list[str]]
) -> None:
    """Print a table of the means, per cent.

    Args:
        rows: as `outcome_rows` makes them.
        names: header of the first columns, which say what a row is about.
        cells: those columns of a row.
    """
    from imlbench.cli.tables import print_table

    header = [*names, "n", "F1", "95 %", "IoU", "95 %", "computed", "skipped", "failed"]
    body = []
    for row in rows:
        summaries = [row["metrics"].get(name) for name in SHOWN]
        # The means are over all that is stored, of which a limit may have looked at less.
        line = [*cells(row), str(summaries[0]["n"]) if summaries[0] else "-"]
        for summary in summaries:
            line += summary_cells(summary)
        body.append([*line, str(row["computed"]), *(str(sum(row[kind].values())) for kind in ("skipped", "failed"))])
    print_table(header, body, words=len(names))


def print_detections(
    rows: list[dict[str, Any]], names: Sequence[str], cells: Callable[[dict[str, Any]], list[str]]
) -> None:
    """`print_outcome` for detectors: localisation on tampered images, false alarms and image AUC beside it, per cent.

    Whole-image fakes have columns of their own where there are any.
    """
    from imlbench.cli.tables import print_table

    whole = any(number(row, "marked_whole") for row in rows)
    header = [*names, "tampered", "F1", "95 %", "IoU", "95 %", "authentic", "false alarms", "image AUC", "95 %"]
    header += ["whole fakes", "marked", "image AUC"] if whole else []
    body = []
    for row in rows:
        metrics = row["metrics"]
        line = [*cells(row), str(number(row, "f1"))]
        for name in SHOWN:
            line += summary_cells(metrics.get(name))
        line += [str(number(row, "false_alarms_authentic")), summary_cells(metrics.get("false_alarms_authentic"))[0]]
        line += summary_cells(metrics.get("image_auc"))
        if whole:
            line += [str(number(row, "marked_whole")), *(summary_cells(metrics.get(name))[0] for name in WHOLE)]
        body.append([*line, str(row["computed"]), *(str(sum(row[kind].values())) for kind in ("skipped", "failed"))])
    print_table([*header, "computed", "skipped", "failed"], body, words=len(names))


def number(row: dict[str, Any], metric: str) -> int:
    """How many samples a mean is over."""
    summary = row["metrics"].get(metric)
    return int(summary["n"]) if summary else 0


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
                what = f"{adapter_name(row)} on {row['dataset']}"
                under = condition_name(row, clean="")
                typer.echo(f"{what}{under and ', '}{under}: {count} {kind} ({reasons})", err=True)
        total = row["scored"] + failed + skipped
        too_many |= failed > (bound * total if is_fraction else bound) or (total > 0 and row["scored"] == 0)
    if too_many:
        typer.echo(f"imlbench: samples failed or nothing was scored; the reasons are stored in {out}", err=True)
        raise typer.Exit(1)
