"""`imlbench train NAME`: the commands are the registered trainers."""

from __future__ import annotations

import typer

from imlbench.cli.registered import RegisteredGroup


class TrainerGroup(RegisteredGroup):
    """The registered trainers."""

    kind = "trainers"


train_app = typer.Typer(cls=TrainerGroup, no_args_is_help=True, help="Train an annotator on a folder of pairs.")
