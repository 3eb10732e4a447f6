"""Options that the commands share which score adapters on datasets, and the settings that they make."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from imlbench.settings import Settings


class OverwriteOption(StrEnum):
    """What to do about results that are there already."""

    NEVER = "never"
    ONLY_MISSING = "only-missing"
    ALWAYS = "always"


class AuthenticOption(StrEnum):
    """Which images detectors are shown that nothing is edited in."""

    LISTED = "listed"
    ORIGINALS = "originals"


DatasetNames = Annotated[list[str], typer.Option(help="Dataset, or dataset:variant; may be repeated.")]
AnnotatorNames = Annotated[list[str], typer.Option(help="Annotator or glob such as 'pixdiff-*'; may be repeated.")]
MaybeAnnotatorNames = Annotated[
    list[str] | None, typer.Option("--annotator", help="Annotator or glob such as 'pixdiff-*'; may be repeated.")
]
DetectorNames = Annotated[list[str], typer.Option(help="Detector or glob; may be repeated.")]
MaybeDetectorNames = Annotated[list[str] | None, typer.Option("--detector", help="Detector or glob; may be repeated.")]
Authentic = Annotated[
    AuthenticOption,
    typer.Option(
        help="Authentic images for detectors: those that the dataset lists as such, or also the originals of its pairs."
    ),
]
DataRoots = Annotated[
    list[str] | None,
    typer.Option(help="The dataset's folder; with several datasets NAME=DIR, or a folder that holds one each."),
]
Limit = Annotated[int | None, typer.Option(help="Score a random subset of this size, the same every time.")]
SampleIds = Annotated[list[str] | None, typer.Option(help="Score only this sample; may be repeated.")]
Workers = Annotated[int | None, typer.Option(help="Decoding threads; as many as processors by default.")]
BatchSize = Annotated[int, typer.Option(help="Inputs per call of an adapter that works in batches.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]
Out = Annotated[Path, typer.Option(help="The results folder.")]
Overwrite = Annotated[
    OverwriteOption,
    typer.Option(
        help="never: leave adapters with any result alone; only-missing: compute what is not stored, failed or "
        "whose files changed; always: compute everything anew."
    ),
]
FailOnError = Annotated[
    str,
    typer.Option(metavar="N|FRACTION", help="Exit with 1 if an adapter failed on more samples: 5, or 0.01 for 1 %."),
]
SaveMaps = Annotated[bool, typer.Option("--save-maps", help="Keep every score map as PNG in OUT/maps.")]
Boundary = Annotated[int | None, typer.Option(metavar="PIXELS", help="Also compute boundary F1 at this tolerance.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be computed, compute nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


def make_settings(
    *,
    out: Path,
    workers: int | None,
    batch_size: int,
    seed: int,
    overwrite: OverwriteOption,
    limit: int | None,
    sample_id: list[str] | None,
    save_maps: bool,
    boundary: int | None,
) -> Settings:
    """Settings from options.

    Raises:
        UserError: a value is out of range.
    """
    from imlbench.settings import Settings, available_cpus

    return Settings(
        out=out,
        workers=available_cpus() if workers is None else workers,
        batch_size=batch_size,
        seed=seed,
        overwrite=overwrite.value,
        limit=limit,
        sample_ids=tuple(sample_id or ()),
        save_maps=save_maps,
        boundary=boundary,
    )
