"""`imlbench export`: a training set from an annotated corpus."""

from __future__ import annotations

import json
import re
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.cli.options import roots_of
from imlbench.cli.synth import TELL_SECONDS, Telling
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.exporting.choosing import Gates


class LayoutOption(StrEnum):
    """The words of `imlbench.exporting.formats.WRITERS`, which cannot be imported before it is needed."""

    FOLDER = "folder"
    IMDLBENCO = "imdlbenco"
    HF = "hf"
    WEBDATASET = "webdataset"
    COCO = "coco"


def export(
    annotations: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="Folders of annotate-corpus; several become one set.")
    ],
    layout: Annotated[LayoutOption, typer.Option("--format", help="Layout of the set.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the set; must not be there, or be empty.")],
    root: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]DIR", help="Folder of the corpus, where it is not where it was; may be repeated."),
    ] = None,
    validation: Annotated[float, typer.Option(help="Share of the pairs, drawn by source.")] = 0.05,
    authentic: Annotated[float, typer.Option(metavar="RATIO", help="Authentic originals for each edited image.")] = 0.0,
    quality: Annotated[str, typer.Option(metavar="1-100|png", help="Of all images: JPEG's quality, or PNG.")] = "95",
    min_qes: Annotated[float, typer.Option(help="QES must be above this; 0 = any.")] = 0.0,
    min_agreement: Annotated[
        float | None, typer.Option(help="Least IoU with the second annotator, where there was one.")
    ] = None,
    area: Annotated[str, typer.Option(metavar="LEAST,LARGEST", help="Share of edited pixels.")] = "0,1",
    types: Annotated[str, typer.Option(metavar="TYPE,...", help="Only these edit types.")] = "",
    limit: Annotated[int | None, typer.Option(help="At most so many pairs, drawn by the seed.")] = None,
    seed: Annotated[int, typer.Option(help="Of limit and split.")] = 0,
    soft: Annotated[bool, typer.Option("--soft/--hard", help="Masks as score maps (kept by --keep-soft).")] = False,
    near: Annotated[
        int, typer.Option(metavar="BITS", help="Originals whose hashes differ in at most so many bits are one source.")
    ] = 4,
    keep_out: Annotated[
        list[Path] | None, typer.Option(help="Folder of further images that must not be trained on; may be repeated.")
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Take annotations that are not finished.")] = False,
    list_prefix: Annotated[str, typer.Option(metavar="DIR", help="Put before the paths in imdlbenco's lists.")] = "",
    workers: Annotated[int, typer.Option(help="Threads; they never change a byte.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the set's facts as JSON.")] = False,
) -> None:
    """Write a training set of the pairs that were kept: both sides encoded alike, split by source; whole or not at all.

    The images are read from the corpus again. Sources that show an image of an evaluation set are left out.
    """
    from imlbench.exporting.encoding import read_codec
    from imlbench.exporting.order import Order
    from imlbench.exporting.running import export as run

    order = Order(
        annotations=annotations,
        out=out,
        layout=layout.value,
        roots=roots_of(annotations, root or []),
        validation=validation,
        authentic=authentic,
        codec=read_codec(quality),
        gates=read_gates(min_qes, min_agreement, area, types),
        limit=limit,
        seed=seed,
        soft=soft,
        distance=near,
        keep_out=keep_out or [],
        partial=partial,
        list_prefix=list_prefix,
        workers=workers,
    )
    outcome = run(order, ExportTelling())
    if as_json:
        typer.echo(json.dumps({**outcome.facts, "new": outcome.new}, indent=1))
    else:
        show(outcome.facts, outcome.new, out)


class ExportTelling(Telling):
    """Progress; how many images the evaluation sets hold shows only in the end."""

    def __call__(self, what: str, done: int, total: int) -> None:
        if total:
            super().__call__(what, done, total)
        elif time.monotonic() - self.last >= TELL_SECONDS:
            self.last = time.monotonic()
            typer.echo(f"{what}: {done}", err=True)


def read_gates(min_qes: float, min_agreement: float | None, area: str, types: str) -> Gates:
    """The gates from their options' texts.

    Raises:
        UserError: one is not as it must be.
    """
    from imlbench.corpora.vocabulary import chosen_types
    from imlbench.exporting.choosing import Gates

    match = re.fullmatch(r"([0-9]*\.?[0-9]+),([0-9]*\.?[0-9]+)", area)
    if match is None:
        raise UserError(f"--area: expected two shares such as 0.002,0.9, found {one_line(area, 40)!r}")
    named = [name.strip() for name in types.split(",") if name.strip()]
    return Gates(min_qes, min_agreement, (float(match[1]), float(match[2])), chosen_types(named))


def show(facts: dict[str, Any], new: bool, out: Path) -> None:
    """What the set holds, on a few lines."""
    counts = facts["counts"]
    if not new:
        typer.echo(f"already there, nothing to do: {out}")
    for split, corpora in counts["edited_by_split_corpus_type"].items():
        edited = sum(sum(kinds.values()) for kinds in corpora.values())
        authentic = sum(counts["authentic_by_split_corpus"].get(split, {}).values())
        typer.echo(f"{split}: {edited} edited, {authentic} authentic")
    if counts["left_out"]:
        reasons = ", ".join(f"{reason} {number}" for reason, number in counts["left_out"].items())
        typer.echo(f"left out: {reasons}", err=True)
    compared = ", ".join(facts["compared_with"]["images"]) or "none: no evaluation set has a configured root"
    typer.echo(f"compared with evaluation sets: {compared}", err=True)
    typer.echo(f"{counts['edited'] + counts['authentic']} images from {counts['sources']} sources: {out}")
