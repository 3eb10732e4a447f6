"""`imlbench results`: what a results file holds; export, import, and merging with another machine's."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.errors import one_line

if TYPE_CHECKING:
    from imlbench.results.joining import Joined
    from imlbench.results.row_writing import FileFormat

results_app = typer.Typer(no_args_is_help=True, help="Show, export, import and merge results.")


class FormatOption(StrEnum):
    """The words of `imlbench.results.row_writing.FileFormat`, which cannot be imported before it is needed."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


class KeepOption(StrEnum):
    """What to do about contradicting counts of one run, sample and content."""

    REFUSE = "refuse"
    NEWEST = "newest"


ResultsOption = Annotated[Path, typer.Option(metavar="DIR", help="The results folder, or its results.db.")]
FormatChoice = Annotated[FormatOption | None, typer.Option("--format", help="Whatever the file's suffix says.")]
KeepChoice = Annotated[
    KeepOption,
    typer.Option(help="Where two counts of one run, sample and content contradict: refuse all, or keep the newest."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@results_app.command("show")
def show_results(results: ResultsOption = Path("results"), as_json: JsonOption = False) -> None:
    """List the runs with their ids: how many samples are scored, skipped, failed, and when it was last written."""
    from imlbench.cli.tables import print_table

    rows = run_rows(results)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    header = ("dataset", "run", "run id", "scored", "skipped", "failed", "last written", "newest")
    body = [[one_line(row[name.replace(" ", "_")], 80) for name in header[:-1]] for row in rows]
    print_table(header, [[*cells, "yes" if row["newest"] else ""] for cells, row in zip(body, rows, strict=True)])


def run_rows(results: Path) -> list[dict[str, Any]]:
    """Facts of each run; `newest` tells the one that reports show where there are several of one name."""
    from imlbench.comparison import condition_label
    from imlbench.results.choosing import run_order
    from imlbench.results.reading import ResultReader

    with ResultReader(results) as reader, reader.snapshot():
        runs = sorted(reader.runs(), key=run_order)
        written = reader.last_written()
    newest = {(one.run.kind, one.run.dataset, condition_label(one)): one.run_id for one in runs}
    return [
        {
            "dataset": stored.run.dataset,
            "run": condition_label(stored),
            "run_id": stored.run_id,
            "kind": stored.run.kind,
            **{name: stored.total(status) for name, status in (("scored", "ok"), ("skipped",) * 2, ("failed",) * 2)},
            "last_written": written.get(stored.run_id, "never"),
            "newest": stored.run_id in newest.values(),
        }
        for stored in runs
    ]


@results_app.command("export")
def export_command(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file: .parquet, .csv or .json.")],
    results: ResultsOption = Path("results"),
    form: FormatChoice = None,
    annotator: Annotated[list[str] | None, typer.Option(help="Only this annotator, or glob; may be repeated.")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this dataset, or glob; may be repeated.")] = None,
    run: Annotated[list[str] | None, typer.Option(help="Only the run whose id begins so; may be repeated.")] = None,
) -> None:
    """Write one row per run and sample, with everything known of it; `import` reads it back without loss.

    In CSV, text that a spreadsheet would take for a formula gets an apostrophe before it, which `import` takes off.
    """
    from imlbench.results.exchange import export_results

    total = export_results(results, output, file_format(form), annotator or (), dataset or (), run or ())
    typer.echo(f"{one_line(output)}: {total} rows")


def file_format(chosen: FormatOption | None) -> FileFormat | None:
    """The option as the core has it."""
    from imlbench.results.row_writing import FileFormat

    return None if chosen is None else FileFormat(chosen.value)


@results_app.command("import")
def import_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files that `export` has written.")],
    results: ResultsOption = Path("results"),
    form: FormatChoice = None,
    keep: KeepChoice = KeepOption.REFUSE,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Import the valid rows where others are invalid.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add exported rows to a results folder, new or not: all of them or nothing. Every row is checked."""
    from imlbench.results.exchange import import_results

    joined, rejected = import_results(files, results, file_format(form), keep.value, skip_invalid)
    show_joined(joined, results, as_json, rejected.count)
    if rejected.count:
        more = ", ..." if rejected.count > len(rejected.first) else ""
        typer.echo(f"imlbench: rejected rows: {rejected.count} ({'; '.join(rejected.first)}{more})", err=True)
        raise typer.Exit(1)


@results_app.command("merge")
def merge_command(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results folders; they are only read.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder that gets everything, new or not.")],
    keep: KeepChoice = KeepOption.REFUSE,
    as_json: JsonOption = False,
) -> None:
    """Join the results of several machines: all of them or nothing.

    Refused where a sample has other images or masks, an annotator another metric version, or the counts contradict.
    """
    from imlbench.results.merging import merge_results

    show_joined(merge_results(folders, out, keep.value), out, as_json)


def show_joined(joined: Joined, results: Path, as_json: bool, rejected: int = 0) -> None:
    """Print what came of joining."""
    counts = {verdict.value: count for verdict, count in joined.verdicts.items()}
    if as_json:
        counts = {name: counts[name] for name in ("added", "known", "replaced", "kept")}
        typer.echo(json.dumps({"results": str(results), "runs": len(joined.runs), **counts, "rejected": rejected}))
        return
    words = f"{counts['added']} results added, {counts['known']} were there already"
    for name, text in (("replaced", "took the place of others"), ("kept", "gave way to what was there")):
        words += f", {counts[name]} {text}" if counts[name] else ""
    typer.echo(f"{one_line(results)}: {len(joined.runs)} runs; {words}")
