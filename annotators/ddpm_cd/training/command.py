"""`imlbench train ddpm-cd`: parses, trains, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.report import Report
from imlbench.training import options


def train(
    data: options.Data,
    out: options.Out,
    config: options.Config = "",
    unet: Annotated[
        Path | None, typer.Option("--unet", help="The diffusion model's file; else where the annotator has it.")
    ] = None,
    random_unet: Annotated[
        bool, typer.Option("--random-unet", help="A diffusion model without training, written to --out; for trials.")
    ] = False,
    start: Annotated[Path | None, typer.Option("--init", help="A head to start from, published or your own.")] = None,
    steps: options.Steps = None,
    resume: options.Resume = False,
    minutes: options.Minutes = None,
    keep_out: options.KeepOut = None,
    allow_evaluation_data: options.AllowEvaluationData = False,
    cpu: options.Cpu = False,
) -> None:
    """Train DDPM-CD's change head over a frozen diffusion model. The head's file is what IMLBENCH_DDPM_CD names."""
    from annotators.ddpm_cd.training.launch import Request, prepare
    from imlbench.training.launch import complete

    request = Request(
        config=config,
        data=tuple(data),
        out=out,
        unet=unet,
        random_unet=random_unet,
        start=start,
        steps=steps,
        resume=resume,
        minutes=minutes,
        keep_out=tuple(keep_out or ()),
        allow_evaluation_data=allow_evaluation_data,
        cpu=cpu,
        say=lambda line: typer.echo(line, err=True),
    )
    complete(prepare(request), typer.echo)


DDPM_CD = Report(
    Card(
        name="ddpm-cd",
        title="DDPM-CD",
        version="1",
        summary="a change head over a frozen diffusion model's features; Adam, linear decay, cross-entropy",
        licence="Apache-2.0",
        citation="arXiv 2206.11892",
        url="https://github.com/wgcban/ddpm-cd",
    ),
    train,
)
"""What the entry point names."""
