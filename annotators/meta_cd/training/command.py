"""`imlbench train meta-cd` and `imlbench train sam-cd`: parse, train, print."""

from __future__ import annotations

from collections.abc import Callable

import typer

from annotators.meta_cd import cards
from imlbench.cards import AdapterCard, Card
from imlbench.report import Report
from imlbench.training import options


def trainer(annotator: AdapterCard, summary: str, about: str) -> Report:
    """The command that trains an annotator.

    Args:
        annotator: its card.
        summary: of the training, for lists.
        about: the help text.
    """
    card = Card(
        name=annotator.name,
        title=annotator.title,
        version=annotator.version,
        summary=summary,
        licence=annotator.licence,
        citation=annotator.citation,
        url=annotator.url,
    )
    return Report(card, command(annotator.name, about))


def command(name: str, about: str) -> Callable[..., None]:
    """The function that becomes `imlbench train NAME`."""

    def train(
        data: options.Data,
        out: options.Out,
        config: options.Config = "",
        steps: options.Steps = None,
        resume: options.Resume = False,
        minutes: options.Minutes = None,
        keep_out: options.KeepOut = None,
        allow_evaluation_data: options.AllowEvaluationData = False,
        cpu: options.Cpu = False,
    ) -> None:
        from annotators.meta_cd.training.launch import prepare
        from imlbench.training.launch import Request, complete

        request = Request(
            data=tuple(data),
            out=out,
            resume=resume,
            minutes=minutes,
            steps=steps,
            keep_out=tuple(keep_out or ()),
            allow_evaluation_data=allow_evaluation_data,
            cpu=cpu,
            say=lambda line: typer.echo(line, err=True),
        )
        complete(prepare(name, request, config), typer.echo)

    train.__doc__ = about
    return train


META_CD = trainer(
    cards.META_CD,
    "one or two encoders, their comparison and a threshold for every pixel; SGD, cubic decay",
    "Train Meta-CD. --config meta-cd-small needs neither FastSAM nor weights to start from.",
)
"""What the entry point `meta-cd` names."""
SAM_CD = trainer(
    cards.SAM_CD,
    "a comparison of frozen FastSAM's features; SGD, cubic decay",
    "Train SAM-CD. Needs FastSAM: the extra imlbench[fastsam] and the weights fastsam-x.",
)
"""What the entry point `sam-cd` names."""
