"""`imlbench finetune DETECTOR`: train a detector on single images with masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.report import Report
from imlbench.training import options

Images = Annotated[
    list[str],
    typer.Option(
        "--data", help="Folder of `imlbench export --format folder` or `imlbench synth`, or DATASET=FOLDER; repeatable."
    ),
]


def finetune(
    detector: Annotated[str, typer.Argument(help="Detector that can be trained here.")],
    data: Images,
    out: options.Out,
    init: Annotated[
        str, typer.Option("--init", help="public: the weights that the detector runs with; scratch; or a weight file.")
    ] = "public",
    config: options.Config = "",
    steps: options.Steps = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="In place of the recipe's.")] = None,
    resume: options.Resume = False,
    minutes: options.Minutes = None,
    keep_out: options.KeepOut = None,
    allow_evaluation_data: options.AllowEvaluationData = False,
    cpu: options.Cpu = False,
) -> None:
    """Train a detector on images with masks; the best weights on the validation split are RUN/best.safetensors."""
    from imlbench.training.finetuners import finetuner
    from imlbench.training.finetuning import FinetuneRequest, complete, prepare

    request = FinetuneRequest(
        data=tuple(data),
        out=Path(out),
        init=init,
        config=config,
        steps=steps,
        seed=seed,
        resume=resume,
        minutes=minutes,
        keep_out=tuple(keep_out or ()),
        allow_evaluation_data=allow_evaluation_data,
        cpu=cpu,
        say=lambda line: typer.echo(line, err=True),
    )
    complete(prepare(request, finetuner(detector)), typer.echo)


FINETUNE = Report(
    Card(
        name="finetune",
        title="finetune",
        version="1",
        summary="train a detector on images with masks",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    finetune,
)
