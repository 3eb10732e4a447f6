"""`imlbench check`: run the conformance suite on an adapter."""

from __future__ import annotations

import contextlib
import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from imlbench.conformance import Report

STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


class AdapterKindOption(StrEnum):
    """Kinds of adapters, for the help text."""

    ANNOTATORS = "annotators"
    DETECTORS = "detectors"


def check(
    name: Annotated[str, typer.Argument(help="Name of an annotator or a detector, as `imlbench list` prints it.")],
    kind: Annotated[
        AdapterKindOption | None, typer.Option("--kind", help="Look among annotators or detectors only.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check that an annotator or a detector keeps the contract; exit code 1 if it does not."""
    from imlbench.conformance import check_registered

    # What a third party's code prints must not end up inside the report.
    with contextlib.redirect_stdout(sys.stderr):
        report = check_registered(name, None if kind is None else kind.value)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        show(report)
    if not report.passed:
        raise typer.Exit(1)


def show(report: Report) -> None:
    """One line per check and a summary; coloured on a terminal, plain elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True)
    for outcome in report.outcomes:
        # As Text, since a message may contain square brackets, which are not markup here.
        line = Text(str(outcome))
        line.stylize(STYLES[outcome.status], 0, len(outcome.status))
        console.print(line)
    console.print(Text(report.summary(), style="bold"))
