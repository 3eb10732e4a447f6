"""The options that every trainer's command has, so that one thing has one name and one help text.

They are read from annotations at run time: import this module outside `if TYPE_CHECKING`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[list[str], typer.Option("--data", help="Folder of `imlbench synth`, or DATASET=FOLDER; repeatable.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")]
Config = Annotated[str, typer.Option("--config", help="A preset's name, or a TOML file.")]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps, in place of the recipe's.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
Minutes = Annotated[float | None, typer.Option("--minutes", min=0, help="Stop, resumable, after this long.")]
KeepOut = Annotated[
    list[Path] | None,
    typer.Option("--keep-out", help="Folder of images that must not be trained on; repeatable."),
]
AllowEvaluationData = Annotated[
    bool, typer.Option("--allow-evaluation-data", help="Train on evaluation sets; marks the weights.")
]
Cpu = Annotated[bool, typer.Option("--cpu", help="Leave an accelerator alone.")]
