"""`imlbench study`: which annotator's masks make the better detector? Run again to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.errors import UserError, one_line
from imlbench.report import Report


def study(
    annotator: Annotated[
        list[str], typer.Option(help="Annotator, or exact: the masks of a synthesised set; may be repeated.")
    ],
    detector: Annotated[list[str], typer.Option(help="Detector that can be trained; may be repeated.")],
    corpus: Annotated[str, typer.Option(metavar="SET|CORPUS[=DIR]", help="Folder of `imlbench synth`, or a corpus.")],
    dataset: Annotated[
        list[str],
        typer.Option("--eval", metavar="DATASET[=DIR]", help="Dataset, or held-out: the set's own; may be repeated."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the study; run again to go on with it.")],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each detector on each set.")] = 3,
    pairs: Annotated[
        list[int] | None, typer.Option(min=0, help="Train on so many pairs; 0 = all; may be repeated.")
    ] = None,
    init: Annotated[str, typer.Option(help="public, scratch, or a weight file.")] = "public",
    config: Annotated[
        list[str] | None, typer.Option(metavar="[DETECTOR=]NAME|FILE", help="Recipe; may be repeated.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps, in place of the recipes'.")] = None,
    min_qes: Annotated[float, typer.Option(help="Keep masks that are more decided than this; 0 = any.")] = 0.0,
    area: Annotated[str, typer.Option(metavar="LO,HI", help="Keep masks of this share of the frame.")] = "0,1",
    min_alignment: Annotated[float, typer.Option(help="Keep pairs aligned at least so well; 0 = any.")] = 0.0,
    validation: Annotated[float, typer.Option(help="Share of the pairs that the best weights are chosen by.")] = 0.1,
    authentic: Annotated[float, typer.Option(help="Authentic originals for each edited image.")] = 0.5,
    quality: Annotated[int, typer.Option(min=0, max=100, help="Of the exported JPEGs; 0 = PNG.")] = 95,
    keep_out: Annotated[list[Path] | None, typer.Option(help="Folder of images that must not be trained on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that annotate.")] = None,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs that annotate.")] = 0,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave an accelerator alone.")] = False,
) -> None:
    """Annotate a corpus, export it, fine-tune detectors on each annotator's masks, evaluate before and after."""
    from imlbench.cli.annotate_corpus import read_area
    from imlbench.study.order import Order
    from imlbench.study.running import study as run

    order = Order(
        annotators=annotator,
        detectors=detector,
        corpus=corpus,
        datasets=dataset,
        out=out,
        seeds=seeds,
        pairs=pairs or [0],
        init=init,
        configs=read_configs(config or [], detector),
        steps=steps,
        min_qes=min_qes,
        area=read_area(area),
        min_alignment=min_alignment,
        validation=validation,
        authentic=authentic,
        quality=quality,
        keep_out=keep_out or [],
        workers=workers,
        gpus=gpus,
        cpu=cpu,
    )
    cells = run(order, lambda line: typer.echo(line, err=True))
    typer.echo(f"{len(cells)} evaluations: {out}; next: imlbench report table2 {out}")


def read_configs(texts: list[str], detectors: list[str]) -> dict[str, str]:
    """Recipes by detector; a text without a name is for the only detector.

    Raises:
        UserError: it is not clear which detector one is for.
    """
    configs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and len(detectors) > 1:
            raise UserError(f"--config: expected DETECTOR=NAME or DETECTOR=FILE, found {one_line(text, 80)!r}")
        configs[name if equals else detectors[0]] = value if equals else text
    return configs


STUDY = Report(
    Card(
        name="study",
        title="study",
        version="1",
        summary="which annotator's masks make the better detector: annotate, export, fine-tune, evaluate",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    study,
)
