"""`imlbench ablation`: parses, trains, evaluates, prints Table 3."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.cli import run_options as options
from imlbench.cli.options import failure_limit, roots_by_dataset
from imlbench.report import Report


def ablation(
    config: Annotated[str, typer.Option("--config", help="sigma, sigma-lite, or a TOML file, as of train sigma.")],
    data: Annotated[
        list[str], typer.Option("--data", help="Folder of `imlbench synth`, or DATASET=FOLDER; repeatable.")
    ],
    dataset: options.DatasetNames,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the variants and of results.db.")],
    data_root: options.DataRoots = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option("--unlabelled", help="Stage II: editing pairs whose masks are not used; --data's where left out."),
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option(help="Row of Table 3, such as msdb-2drb; repeatable; all where left out.")
    ] = None,
    stage2_config: Annotated[str, typer.Option(help="Stage II's configuration; --config's where left out.")] = "",
    seed: Annotated[int | None, typer.Option(min=0, help="Of the trainings; the configuration's by default.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Train each variant's stages for at most this long each.")
    ] = None,
    keep_out: Annotated[
        list[Path] | None, typer.Option(help="Folder of images that must not be trained on; repeatable.")
    ] = None,
    allow_evaluation_data: Annotated[
        bool, typer.Option("--allow-evaluation-data", help="Train on evaluation sets; marks the weights.")
    ] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave an accelerator alone.")] = False,
    limit: options.Limit = None,
    workers: options.Workers = None,
    batch_size: options.BatchSize = 8,
    fail_on_error: options.FailOnError = "0",
) -> None:
    """Train and evaluate SIGMA's variants of Table 3; what is finished is not done again."""
    from annotators.sigma.ablation.stages import configurations, trials

    limit_of_failures = failure_limit(fail_on_error)
    first, second = configurations(config, stage2_config, seed)
    asked = trials(variant or (), first, second, out)
    settings = options.make_settings(
        out=out,
        workers=workers,
        batch_size=batch_size,
        seed=0,
        overwrite=options.OverwriteOption.ONLY_MISSING,
        limit=limit,
        sample_id=None,
        save_maps=False,
        boundary=None,
    )
    from annotators.sigma.ablation.running import Ablation, folders_of_images, opened, run
    from annotators.sigma.ablation.training import Material

    datasets = opened(dataset, roots_by_dataset(dataset, data_root or []))
    material = Material(
        data=tuple(data),
        unlabelled=tuple(unlabelled or ()),
        minutes=minutes,
        keep_out=(*(keep_out or ()), *folders_of_images(datasets)),
        allow_evaluation_data=allow_evaluation_data,
        cpu=cpu,
        say=lambda line: typer.echo(line, err=True),
    )
    run(Ablation(asked, material, datasets, settings, os.path.basename(config), limit_of_failures))


ABLATION = Report(
    Card(
        name="ablation",
        title="Ablation",
        version="1",
        summary="train and evaluate SIGMA's variants of Table 3; what is finished is not done again",
        licence="Apache-2.0",
        citation="arXiv 2605.27924",
        url="https://arxiv.org/abs/2605.27924",
    ),
    ablation,
)
"""What the entry point names."""
