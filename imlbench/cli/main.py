"""The command `imlbench`: puts the commands together and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from imlbench import __version__
from imlbench.cli.annotate_eval import annotate_eval
from imlbench.cli.check import check
from imlbench.cli.datasets import datasets_app
from imlbench.cli.listing import list_entries
from imlbench.cli.report import report_app
from imlbench.errors import UserError, one_line

app = typer.Typer(
    name="imlbench",
    no_args_is_help=True,
    # A traceback dressed up is still a traceback; errors that users can mend are one line, others are bugs.
    pretty_exceptions_enable=False,
    help="Knowing where an image was edited, and proving how well one knows it.",
    epilog="Exit codes: 0 done, 1 samples failed or a check failed, 2 wrong usage or input, 130 interrupted.",
)
app.command("annotate-eval")(annotate_eval)
app.command("list")(list_entries)
app.command("check")(check)
app.add_typer(datasets_app, name="datasets")
app.add_typer(report_app, name="report")


def print_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"imlbench {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Knowing where an image was edited, and proving how well one knows it."""


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except UserError as error:
        typer.echo(f"imlbench: {one_line(error, limit=2000)}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has gone; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
