"""`imlbench corpus`: what there is to know about an annotation's folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cli.corpus_from_synth import from_synth
from imlbench.errors import one_line

if TYPE_CHECKING:
    from imlbench.annotating.status import CorpusStatus

corpus_app = typer.Typer(no_args_is_help=True, help="Look at the annotation of a corpus.")
corpus_app.command("from-synth")(from_synth)
WATCH_SECONDS = 2.0


@corpus_app.callback()
def corpus() -> None:
    """Look at the annotation of a corpus."""


@corpus_app.command("status")
def status(
    folder: Annotated[Path, typer.Argument(help="Folder of `imlbench annotate-corpus`.")],
    watch: Annotated[bool, typer.Option("--watch", help="Tell every two seconds, until the run ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, one object a line with --watch.")] = False,
) -> None:
    """Shards done, rate, time left, failures and rejections by reason; while the annotation runs or after."""
    from dataclasses import asdict

    from imlbench.annotating.status import corpus_status

    found = corpus_status(folder)
    while watch and found.running:
        typer.echo(json.dumps(asdict(found)) if as_json else line(found))
        time.sleep(WATCH_SECONDS)
        found = corpus_status(folder)
    typer.echo(json.dumps(asdict(found), indent=None if watch else 2) if as_json else text(found))


def line(found: CorpusStatus) -> str:
    """How far it is, in short."""
    pairs = f"{found.pairs_done}" if found.pairs is None else f"{found.pairs_done}/{found.pairs}"
    parts = [f"{pairs} pairs", f"{found.shards_done}/{found.shards} shards"]
    if found.rate is not None:
        parts.append(f"{found.rate:.1f}/s")
    if found.seconds_left is not None:
        parts.append(f"{duration(found.seconds_left)} left")
    if found.broken:
        parts.append(f"{len(found.broken)} unreadable file{'s'[: len(found.broken) - 1]}")
    parts.append("running" if found.running else "done" if found.shards_done == found.shards else "not running")
    return ", ".join(parts)


def text(found: CorpusStatus) -> str:
    """All there is to say."""
    lines = [f"{found.corpus} by {found.annotator}: {line(found)}"]
    lines += [f"  {status:<9} {count:>10}" for status, count in found.status.items()]
    for status, reasons in found.reasons.items():
        lines += [f"  {status}: {reason:<16} {count:>10}" for reason, count in reasons.items()]
    lines += [f"  not annotated: {one_line(message, 200)}" for message in found.broken.values()]
    lines += [f"  shard {number} is missing: {one_line(message, 200)}" for number, message in found.lost.items()]
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
