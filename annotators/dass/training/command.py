"""`imlbench train dass`: parses, trains, prints."""

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
    encoder_weights: Annotated[
        Path | None, typer.Option("--encoder-weights", help="The encoder's ImageNet weights; else the catalogue's.")
    ] = None,
    random_encoder: Annotated[
        bool, typer.Option("--random-encoder", help="Start without weights for the encoder.")
    ] = False,
    start: Annotated[Path | None, typer.Option("--init", help="Weights of dass to start from.")] = None,
    steps: options.Steps = None,
    resume: options.Resume = False,
    minutes: options.Minutes = None,
    keep_out: options.KeepOut = None,
    allow_evaluation_data: options.AllowEvaluationData = False,
    cpu: options.Cpu = False,
) -> None:
    """Train DASS: dass, or dass-small for a processor. The file is what IMLBENCH_DASS names."""
    from annotators.dass.training.launch import Request, prepare
    from imlbench.training.launch import complete

    request = Request(
        config=config,
        data=tuple(data),
        out=out,
        encoder_weights=encoder_weights,
        random_encoder=random_encoder,
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


DASS = Report(
    Card(
        name="dass",
        title="DASS",
        version="1",
        summary="difference-aware semantic segmentation; AdamW, cross-entropy and soft Dice",
        licence="Apache-2.0",
        citation="arXiv 2508.20987",
        url="https://arxiv.org/abs/2508.20987",
    ),
    train,
)
"""What the entry point names."""
