"""`imlbench weights`: which weight files there are, getting them, verifying them, saying where they lie."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.errors import one_line

if TYPE_CHECKING:
    from imlbench.weights.incoming import Progress
    from imlbench.weights.standing import Standing

weights_app = typer.Typer(no_args_is_help=True, help="List, get, verify and find weight files.")

NameArgument = Annotated[str, typer.Argument(help="As `imlbench weights list` shows it.")]
RootOption = Annotated[
    Path | None,
    typer.Option("--root", help="The weights folder; else IMLBENCH_WEIGHTS, the config file, or the user's cache."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@weights_app.command("list")
def list_weights(root: RootOption = None, as_json: JsonOption = False) -> None:
    """List the weights with licence, size, hash, source, and how it stands with them here. Nothing is hashed."""
    from imlbench.cli.datasets import print_words
    from imlbench.weights import catalogue
    from imlbench.weights.places import weights_root
    from imlbench.weights.standing import standing

    rows = [standing(entry, root) for entry in catalogue().values()]
    if as_json:
        typer.echo(json.dumps([row.as_dict() for row in rows], indent=2))
        return
    header = ("name", "state", "size", "sha-256", "licence", "source", "needed by")
    short = sys.stdout.isatty()
    print_words(header, [cells(row, short) for row in rows])
    if short:
        typer.echo(f"weights folder: {weights_root(root)}; a hash that is unknown is recorded at the first get")


def cells(row: Standing, short: bool) -> list[str]:
    """An entry's row of the table; for a terminal with less of the hash and of the source."""
    entry = row.entry
    digest = (entry.sha256[:8] if short else entry.sha256) if entry.sha256 else row.hash_known
    source = str(entry.source) if short else f"{entry.source}: {entry.origin}"
    needed_by = ", ".join(entry.needed_by)
    return [entry.name, row.state, bytes_text(entry.size), digest.split(":")[0], entry.licence, source, needed_by]


def bytes_text(size: int | None) -> str:
    """A size for people: 346.3 MB."""
    if size is None:
        return "unknown"
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} B"


@weights_app.command("get")
def get_weights(
    name: NameArgument,
    source: Annotated[
        Path | None, typer.Option("--from", help="A local folder with the files, or the file where there is only one.")
    ] = None,
    root: RootOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take another file than the recorded one, where no hash is published.")
    ] = False,
) -> None:
    """Bring weights into the weights folder: download them, or copy them from a local place. The only downloads."""
    from imlbench.weights import catalogue
    from imlbench.weights.entries import entry as entry_of
    from imlbench.weights.getting import get

    entry = entry_of(name, catalogue().values())
    origin = str(source) if source else f"{entry.origin}{'@' if entry.revision else ''}{entry.revision[:12]}"
    typer.echo(one_line(f"{entry.name}: {entry.title}; licence {entry.licence} {entry.licence_url}; from {origin}"))
    with bars() as progress:
        gained = get(entry, source, root, progress, force)
    for one in gained:
        what = "fetched" if one.fetched else "already there"
        typer.echo(f"{one.path}: {what}, {one.size:,} bytes, SHA-256 {one.sha256}")
        if one.pinned:
            typer.echo(
                f"  its hash was unknown: this one is recorded, and later files are held against it ({one.path.name})"
            )


@contextmanager
def bars() -> Iterator[Progress]:
    """A progress bar per file where standard error is a terminal, else nothing."""
    if not sys.stderr.isatty():
        from imlbench.weights.incoming import no_progress

        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bars(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as shown:
        tasks: dict[str, Any] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(name, total=total)
            shown.update(tasks[name], completed=done, total=total)

        yield show


@weights_app.command("verify")
def verify_weights(
    name: Annotated[str | None, typer.Argument(help="One entry; all that are here when left out.")] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hash the weights that are here anew. Exits with 1 where one is wrong, or the named one is missing."""
    from imlbench.weights import catalogue
    from imlbench.weights.entries import entry as entry_of
    from imlbench.weights.standing import State, standing

    known = catalogue()
    wanted = list(known.values()) if name is None else [entry_of(name, known.values())]
    rows = [standing(entry, root, rehash=True) for entry in wanted]
    if as_json:
        typer.echo(json.dumps([row.as_dict() for row in rows], indent=2))
    else:
        for row in rows:
            show_verified(row)
    bad = {State.WRONG} if name is None else {State.WRONG, State.MISSING}
    if any(row.state in bad for row in rows):
        raise typer.Exit(1)


def show_verified(row: Standing) -> None:
    """Print an entry's state, then what is the matter with its files, unless none is here at all."""
    note = "; nothing to hold it against" if row.state == "present" else ""
    typer.echo(f"{row.entry.name}: {row.state}{note}")
    if all(file.state == "missing" for file in row.files):
        return
    for file in row.files:
        if file.reason:
            typer.echo(f"  {one_line(file.reason, 1000)}")


@weights_app.command("path")
def path_of_weights(name: NameArgument, root: RootOption = None) -> None:
    """Print where weights lie, verified: the file where there is one, else the folder."""
    from imlbench.weights import locate

    typer.echo(locate(name, root))
