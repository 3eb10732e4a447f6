"""The command `imlbench`: puts the commands together and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated, Any, cast

import typer

from imlbench import __version__
from imlbench.cli.annotate import annotate
from imlbench.cli.annotate_corpus import annotate_corpus
from imlbench.cli.annotate_eval import annotate_eval
from imlbench.cli.check import check
from imlbench.cli.compare import compare
from imlbench.cli.corpus import corpus_app
from imlbench.cli.datasets import datasets_app
from imlbench.cli.export import export
from imlbench.cli.ground import ground
from imlbench.cli.listing import list_entries
from imlbench.cli.registered import ProgramGroup
from imlbench.cli.report import report_app
from imlbench.cli.results import results_app
from imlbench.cli.robustness import robustness
from imlbench.cli.synth import synth
from imlbench.cli.train import train_app
from imlbench.cli.weights import weights_app
from imlbench.errors import UserError, one_line

UsageError = cast("type[Exception]", typer.BadParameter.__base__)
"""By way of its subclass, since where Typer keeps it depends on Typer's version."""
INTERRUPTED = 130
"""What a shell reports of a command that Ctrl-C ended."""

app = typer.Typer(
    name="imlbench",
    cls=ProgramGroup,
    no_args_is_help=True,
    # A traceback dressed up is still a traceback; errors that users can mend are one line, others are bugs.
    pretty_exceptions_enable=False,
    help="Knowing where an image was edited, and proving how well one knows it.",
    epilog="Exit codes: 0 done, 1 samples failed or a check failed, 2 wrong usage or input, 130 interrupted.",
)
app.command("annotate")(annotate)
app.command("annotate-eval")(annotate_eval)
app.command("annotate-corpus")(annotate_corpus)
app.command("robustness")(robustness)
app.command("list")(list_entries)
app.command("check")(check)
app.command("compare")(compare)
app.command("synth")(synth)
app.command("ground")(ground)
app.command("export")(export)
app.add_typer(corpus_app, name="corpus")
app.add_typer(datasets_app, name="datasets")
app.add_typer(report_app, name="report")
app.add_typer(results_app, name="results")
app.add_typer(train_app, name="train")
app.add_typer(weights_app, name="weights")


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
    # Pillow's own limit speaks up beside ours, which records the sample's failure.
    warnings.filterwarnings("ignore", message=r"Image size .* decompression bomb")
    try:
        code = app(prog_name="imlbench", standalone_mode=False)
    except UserError as error:
        complain(str(error))
        sys.exit(2)
    except UsageError as error:
        usage(error)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:
        sys.exit(output_lost(error))
    if code == INTERRUPTED:
        complain("interrupted")
    sys.exit(code if isinstance(code, int) else 0)


def output_lost(error: OSError) -> int:
    """Exit code for what the system refused: a full disk, a reader of our output, such as `head`, that has gone."""
    if error.filename is None:
        # Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1
    complain(f"{one_line(error.filename or 'the output', 200)}: {error.strerror or error}")
    return 2


def complain(message: str) -> None:
    """One line on standard error."""
    typer.echo(f"imlbench: {one_line(message, limit=2000)}", err=True)


def usage(error: Any) -> None:
    """What is wrong with the command line, on one line."""
    # Where nothing at all was asked for, Typer has printed the help already.
    if type(error).__name__ != "NoArgsIsHelpError":
        command = "imlbench" if error.ctx is None else error.ctx.command_path
        complain(f"{error.format_message().rstrip('.')} (see {command} --help)")
