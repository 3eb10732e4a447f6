"""`imlbench train sigma`: parses, trains, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.report import Report
from imlbench.training import options


def train(
    stage: Annotated[int, typer.Option("--stage", min=1, max=2, help="1: exact masks. 2: further, on edited pairs.")],
    config: Annotated[str, typer.Option("--config", help="sigma, sigma-lite, or a TOML file.")],
    data: options.Data,
    out: options.Out,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option("--unlabelled", help="Stage 2: editing pairs whose masks are not used; --data's where left out."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--init", help="Weights to start from; stage 2 needs stage 1's.")
    ] = None,
    resume: options.Resume = False,
    minutes: options.Minutes = None,
    keep_out: options.KeepOut = None,
    allow_evaluation_data: options.AllowEvaluationData = False,
    cpu: options.Cpu = False,
) -> None:
    """Train SIGMA. On several GPUs: `accelerate launch $(command -v imlbench) train sigma ...`."""
    from annotators.sigma.training.launch import Request, prepare
    from imlbench.training.launch import complete

    request = Request(
        stage=stage,
        config=config,
        data=tuple(data),
        unlabelled=tuple(unlabelled or ()),
        out=out,
        start=start,
        resume=resume,
        minutes=minutes,
        keep_out=tuple(keep_out or ()),
        allow_evaluation_data=allow_evaluation_data,
        cpu=cpu,
        say=lambda line: typer.echo(line, err=True),
    )
    complete(prepare(request), typer.echo)


SIGMA = Report(
    Card(
        name="sigma",
        title="SIGMA",
        version="1",
        summary="Stage I on exact masks, Stage II with zero edits, an averaged teacher and disentanglement",
        licence="Apache-2.0",
        citation="arXiv 2605.27924",
        url="https://arxiv.org/abs/2605.27924",
    ),
    train,
)
"""What the entry point names."""
