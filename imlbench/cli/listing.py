"""`imlbench list`: what is installed."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from imlbench import registry
from imlbench.adapters import missing
from imlbench.cards import AdapterCard
from imlbench.errors import UserError
from imlbench.registry import KINDS, Entry, Kind

FACTS = ("title", "version", "summary", "licence", "citation", "url")


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
    except (UserError, AttributeError) as error:
        facts |= {**dict.fromkeys(FACTS, ""), "summary": f"broken: {error}"}
    return facts


def weights_state(factory: Any, card: AdapterCard) -> str:
    """How it stands with an adapter's weights on this machine: none needed, here, or what is missing."""
    return missing(factory) or ("here" if card.weights else "none needed")


def print_rows(kind: str, rows: list[dict[str, Any]]) -> None:
    """One kind: a line per entry, cut to the terminal's width, whole where the output is not a terminal."""
    typer.echo(f"{kind} ({len(rows)})")
    width = max((len(row["name"]) for row in rows), default=0)
    columns = terminal_columns()
    for row in rows:
        origin = "" if row["package"] == "imlbench" else f" [{row['package']}]"
        weights = row.get("weights", "")
        state = "" if weights in ("", "none needed") else f" [weights {weights if weights == 'here' else 'missing'}]"
        line = f"  {row['name']:<{width}}  {row['summary']}{state}{origin}"
        typer.echo(line if columns is None or len(line) <= columns else line[: columns - 3] + "...")
    if not rows:
        typer.echo(f"  none installed; a package can register some under imlbench.{kind}")


def terminal_columns() -> int | None:
    """Width of the terminal, None where the output goes elsewhere."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns
