"""`imlbench datasets`: what datasets there are, whether a folder holds one whole, and what is in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.datasets.base import Problem
    from imlbench.verification import Verification

NAMED = 20
"""Problems named per reason, unless all are asked for."""

datasets_app = typer.Typer(no_args_is_help=True, help="List datasets, verify a folder, draw a contact sheet.")

SpecArgument = Annotated[str, typer.Argument(metavar="NAME[:VARIANT]", help="A registered dataset.")]
RootOption = Annotated[
    Path | None,
    typer.Option("--root", "--data-root", help="Its folder; else from the environment or the config file."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@datasets_app.command("list")
def list_datasets(as_json: JsonOption = False) -> None:
    """List the registered datasets with their published counts, mask rules and licences."""
    from imlbench.cli.listing import entries

    rows = [describe(entry) for entry in entries("datasets")]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    header = ("name", "title", "published", "mask rule", "licence", "variants")
    print_words(header, [[cell(row[name.replace(" ", "_")]) for name in header] for row in rows])


def describe(entry: Any) -> dict[str, Any]:
    """A dataset's facts; one that cannot be loaded is listed with the reason in place of its title."""
    facts: dict[str, Any] = {"name": entry.name, "package": entry.package}
    try:
        card = entry.load().card
        facts |= {"title": card.title, "published": dict(card.published), "mask_rule": card.mask_rule}
        facts |= {"licence": card.licence, "variants": list(card.variants), "default_variant": card.default_variant}
        facts |= {"layout": card.layout, "citation": card.citation, "url": card.url}
    except (UserError, AttributeError) as error:
        facts |= {"title": f"broken: {one_line(error)}", "published": {}, "mask_rule": "", "licence": ""}
        facts |= {"variants": [], "default_variant": "", "layout": "", "citation": "", "url": ""}
    return facts


def cell(value: Any) -> str:
    """A fact as text: "512", or "dev: 528; train: 8,807"."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {count:,}" if name else f"{count:,}" for name, count in value.items()) or "-"
    return value if isinstance(value, str) else ", ".join(value) or "-"


def print_words(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of words, wrapped to the terminal; columns parted by tabs elsewhere, so that `cut` can read them."""
    if not sys.stdout.isatty():
        for row in (header, *rows):
            typer.echo("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_lines=True, pad_edge=False)
    for index, name in enumerate(header):
        table.add_column(name, no_wrap=index == 0)
    for row in rows:
        table.add_row(*(Text(text) for text in row))
    Console().print(table)


@datasets_app.command("verify")
def verify_dataset(
    name: SpecArgument,
    root: RootOption = None,
    limit: Annotated[int | None, typer.Option(help="Decode only a random subset of this size.")] = None,
    workers: Annotated[int | None, typer.Option(help="Decoding threads; as many as processors by default.")] = None,
    pair_kinds: Annotated[
        bool, typer.Option("--pair-kinds", help="Also tell which pairs do not show the same content, aligned.")
    ] = False,
    name_all: Annotated[bool, typer.Option("--all", help=f"Name all problems, not {NAMED} per reason.")] = False,
    as_json: JsonOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 also if the number of samples is not the published one.")
    ] = False,
) -> None:
    """Decode every sample below a root, name every defect, compare with the published count.

    Exits with 1 where there are defects; a subset and warnings are none.
    """
    from imlbench.cli.progress import progress
    from imlbench.datasets.opening import open_dataset
    from imlbench.verify import verify

    dataset = open_dataset(name, root)
    try:
        with progress(dataset.title) as bar:
            found = verify(dataset, workers, limit, bar, pair_kinds)
    except KeyboardInterrupt:
        typer.echo("imlbench: interrupted; nothing was verified", err=True)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2))
    else:
        show_verification(found, None if name_all else NAMED)
    if not found.passed(strict):
        raise typer.Exit(1)


def show_verification(found: Verification, named: int | None) -> None:
    """Print the facts, then the problems by reason, at most `named` of each."""
    print_line(one_line(f"{found.title} ({found.dataset}) in {found.root}"), "bold")
    for label, text in found.facts():
        print_line(f"  {label:<16}  {text}")
    if not found.problems:
        print_line("no defects, no warnings", "green")
        return
    for kind, problems, style in (("defects", found.defects, "red"), ("warnings", found.warnings, "yellow")):
        print_line(f"{kind}: {len(problems):,}" if problems else f"no {kind}", style if problems else "green")
        show_problems(problems, named)


def show_problems(problems: list[Problem], named: int | None) -> None:
    """Print problems by reason, at most `named` of each."""
    from imlbench.verification import by_reason, problem_text

    for reason, group in by_reason(problems).items():
        print_line(f"  {reason} ({len(group):,})", "bold")
        for problem in group[:named]:
            print_line(f"    {problem_text(problem)}")
        if named is not None and len(group) > named:
            print_line(f"    ... and {len(group) - named:,} more; --all names them")


def print_line(text: str, style: str = "") -> None:
    """Print a line, in colour on a terminal."""
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(text, style), soft_wrap=True)


@datasets_app.command("inspect")
def inspect_dataset(
    name: SpecArgument,
    root: RootOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The sheet, .png or .jpg; NAME-sheet.png by default.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Rows: a random subset of the samples, the same every time; 12 by default.")
    ] = None,
    sample_id: Annotated[list[str] | None, typer.Option(help="Draw this sample; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random subset.")] = 0,
    amplify: Annotated[int, typer.Option(help="Factor by which differences are amplified.")] = 4,
) -> None:
    """Draw a contact sheet: original, edited with the mask's outline, mask and difference of some samples."""
    from imlbench.contact_sheet import contact_sheet, encode_sheet
    from imlbench.datasets.opening import open_dataset
    from imlbench.files import write_atomically

    path = Path(f"{name.replace(':', '-')}-sheet.png") if out is None else out
    encode = encode_sheet(path)
    sheet = contact_sheet(open_dataset(name, root), limit, sample_id or (), seed, amplify)
    write_atomically(path, encode(sheet))
    typer.echo(one_line(f"{path}: {sheet.width} x {sheet.height} pixels"))
