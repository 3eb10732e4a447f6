"""`imlbench list`: what is installed."""

from __future__ import annotations

import json
import sys
import textwrap
from enum import StrEnum
from typing import Annotated, Any

import typer

from imlbench import registry
from imlbench.adapters import missing
from imlbench.cards import AdapterCard
from imlbench.errors import UserError
from imlbench.registry import KINDS, Entry, Kind
from imlbench.wanting import wanting

FACTS = ("title", "version", "summary", "licence", "citation", "url")
NONE_NEEDED, HERE = "none needed", "here"
NARROWEST = 40
"""A summary gets at least so many columns of a terminal; where there are fewer it gets a line of its own."""


class KindOption(StrEnum):
    """Kinds of entries, for the help text."""

    ANNOTATORS = "annotators"
    DETECTORS = "detectors"
    DATASETS = "datasets"
    CORPORA = "corpora"
    PERTURBATIONS = "perturbations"
    REPORTS = "reports"
    TRAINERS = "trainers"
    GROUNDERS = "grounders"
    COMMANDS = "commands"


def list_entries(
    kind: Annotated[KindOption | None, typer.Argument(help="What to list; everything when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List what is installed, third parties' included."""
    kinds: tuple[Kind, ...] = KINDS if kind is None else (kind.value,)
    listed = {name: [describe(entry) for entry in entries(name)] for name in kinds}
    if as_json:
        typer.echo(json.dumps(listed if kind is None else listed[kinds[0]], indent=2))
        return
    for name, rows in listed.items():
        print_rows(name, rows)


def entries(kind: Kind) -> list[Entry]:
    """All entries of a kind, both where two packages clash."""
    return [entry for name in registry.names(kind) for entry in registry.groups()[kind][name]]


def describe(entry: Entry) -> dict[str, Any]:
    """An entry's facts; one that cannot be loaded is listed with the reason."""
    facts: dict[str, Any] = {"name": entry.name, "package": entry.package}
    try:
        card = entry.load().card
        facts |= {name: getattr(card, name) for name in FACTS}
        if isinstance(card, AdapterCard):
            facts["weights"] = weights_state(entry.load(), card)
            facts["weights_licence"] = ", ".join(sorted({weight.licence for weight in card.weights}))
            facts["wanting"] = wanting(entry.name, entry.load())
    except (UserError, AttributeError) as error:
        facts |= {**dict.fromkeys(FACTS, ""), "summary": f"broken: {error}"}
    return facts


def weights_state(factory: Any, card: AdapterCard) -> str:
    """How it stands with an adapter's weights on this machine: none needed, here, or what is missing."""
    return missing(factory) or (HERE if card.weights else NONE_NEEDED)


def print_rows(kind: str, rows: list[dict[str, Any]]) -> None:
    """One kind: adapters with licence and weights, the others with their summary.

    A line per entry where the output is no terminal, else wrapped to the terminal's width; what is missing follows.
    """
    typer.echo(f"{kind} ({len(rows)})")
    if not rows:
        typer.echo(f"  none installed; a package can register some under imlbench.{kind}")
        return
    for line in laid_out([cells_of(row) for row in rows], terminal_columns()):
        typer.echo(line)
    show_wanting(rows)


def cells_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Name, for adapters licence and weights, then the summary and who registered it."""
    origin = "" if row["package"] == "imlbench" else f" [{row['package']}]"
    summary = f"{row['summary']}{origin}"
    if "weights" not in row:
        return row["name"], summary
    if row["weights_licence"] not in ("", row["licence"]):
        summary += f" (weights: {row['weights_licence']})"
    return row["name"], row["licence"], weights_words(row["weights"]), summary


def weights_words(state: str) -> str:
    """A state of `weights_state` in two words; where something else than weights is missing, in one."""
    known = {NONE_NEEDED: "no weights", HERE: "weights here"}
    return known.get(state, "weights missing" if state.startswith("weights ") else "missing")


def laid_out(rows: list[tuple[str, ...]], columns: int | None) -> list[str]:
    """Rows under one another, the last cell of each wrapped to the terminal; None = no terminal, a line for each."""
    count = max(len(row) for row in rows)
    # An entry that cannot be loaded has a name and a complaint only.
    padded = [(row[0], *[""] * (count - len(row)), *row[1:]) for row in rows]
    widths = [max(len(row[place]) for row in padded) for place in range(count - 1)]
    lines = []
    for row in padded:
        start = "  " + "".join(f"{cell:<{width}}  " for cell, width in zip(row[:-1], widths, strict=True))
        lines += wrapped(start, row[-1], columns)
    return lines


def wrapped(start: str, text: str, columns: int | None) -> list[str]:
    """The line, or several of at most `columns` characters; the text stays right of its start where it has room."""
    if columns is None or len(start) + len(text) <= columns:
        return [start + text]
    room = columns - len(start) >= NARROWEST
    indent = " " * len(start) if room else "    "
    width = max(columns - len(indent), 20)
    lines = [indent + line for line in textwrap.wrap(text, width, break_on_hyphens=False)]
    return [start + lines[0].lstrip(), *lines[1:]] if room else [start.rstrip(), *lines]


def show_wanting(rows: list[dict[str, Any]]) -> None:
    """What adapters lack and how to get it, each thing once, with the adapters that need it."""
    needed_by: dict[str, list[str]] = {}
    for row in rows:
        for text in row.get("wanting", ()):
            needed_by.setdefault(text.removeprefix(f"{row['name']}: "), []).append(row["name"])
    if needed_by:
        typer.echo("  missing here:")
    columns = terminal_columns()
    for text, names in needed_by.items():
        for line in folded(f"{', '.join(names)}: {text}", columns):
            typer.echo(f"    {line}")


def folded(text: str, columns: int | None) -> list[str]:
    """A text as lines that fit behind an indent of four; None = no terminal, one line."""
    if columns is None:
        return [text]
    return textwrap.wrap(text, max(columns - 4, 20), subsequent_indent="  ", break_on_hyphens=False)


def terminal_columns() -> int | None:
    """Width of the terminal, None where the output goes elsewhere."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns
