"""`imlbench report NAME`: the commands are the registered reports."""

from __future__ import annotations

import typer

from imlbench.cli.registered import RegisteredGroup


class ReportGroup(RegisteredGroup):
    """The registered reports."""

    kind = "reports"


report_app = typer.Typer(cls=ReportGroup, no_args_is_help=True, help="Tables and figures from a results file.")
