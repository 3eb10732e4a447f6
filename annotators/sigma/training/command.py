"""`imlbench train sigma`: parses, trains, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.report import Report


def train(
    stage: Annotated[int, typer.Option("--stage", min=1, max=2, help="1: exact masks. 2: further, on edited pairs.")],
    config: Annotated[str, typer.Option("--config", help="sigma, sigma-lite, or a TOML file.")],
    data: Annotated[
        list[str], typer.Option("--data", help="Folder of `imlbench synth`, or DATASET=FOLDER; repeatable.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    unlabelled: Annotated[
        list[str] | None,
        typer.Option("--unlabelled", help="Stage 2: editing pairs whose masks are not used; --data's where left out."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--init", help="Weights to start from; stage 2 needs stage 1's.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0, help="Stop, resumable, after this long.")] = None,
    keep_out: Annotated[
        list[Path] | None, typer.Option("--keep-out", help="Folder of images that must not be trained on; repeatable.")
    ] = None,
    allow_evaluation_data: Annotated[
        bool, typer.Option("--allow-evaluation-data", help="Train on evaluation sets; marks the weights.")
    ] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave an accelerator alone.")] = False,
) -> None:
    """Train SIGMA. On several GPUs: `accelerate launch $(command -v imlbench) train sigma ...`."""
    from annotators.sigma.training.launch import Request, prepare

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
    trainer = prepare(request)
    score = trainer.train()
    if trainer.accelerator.is_main_process:
        found = "not validated now" if score is None else f"validation F1 {100 * score.f1:.1f}"
        typer.echo(f"{out}: {trainer.step} of {trainer.plan.steps} steps, {found}; best.safetensors, last.safetensors")


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
