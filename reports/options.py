"""Options that several reports share, and where a report goes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically


class TextFormat(StrEnum):
    """Formats of a table."""

    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"


class AverageOption(StrEnum):
    """The words of `imlbench.metrics.Average`."""

    IMAGE = "image"
    PIXEL = "pixel"


SUFFIXES = {
    ".md": TextFormat.MARKDOWN,
    ".markdown": TextFormat.MARKDOWN,
    ".tex": TextFormat.LATEX,
    ".csv": TextFormat.CSV,
}

Results = Annotated[Path, typer.Option(metavar="DIR", help="The results folder, or its results.db.")]
TableOutput = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file: .md, .tex or .csv.")
]
TableFormat = Annotated[TextFormat | None, typer.Option("--format", help="Whatever the file's suffix says.")]
Annotators = Annotated[list[str] | None, typer.Option("--annotator", help="Annotator or glob; may be repeated.")]
Detectors = Annotated[
    list[str] | None,
    typer.Option("--detector", help="Detectors or globs instead of annotators, each of which sees one image."),
]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", help="Dataset or glob; may be repeated.")]
Metrics = Annotated[list[str] | None, typer.Option(help="Metric; may be repeated.")]
Empty = Annotated[EmptyOption, typer.Option(help="Value where neither truth nor prediction marks a pixel.")]
Average = Annotated[AverageOption, typer.Option(help="image: mean of the samples' values; pixel: pooled counts.")]
Invert = Annotated[InvertOption, typer.Option(help="best: the better of a map and its inverse, per sample.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")]


def text_format(output: Path | None, chosen: TextFormat | None) -> TextFormat | None:
    """The format of a table: the chosen one, else the file's; None = for the eye.

    Raises:
        UserError: the file's suffix says nothing.
    """
    if chosen is not None or output is None:
        return chosen
    if output.suffix.lower() not in SUFFIXES:
        expected = ", ".join(SUFFIXES)
        raise UserError(f"{one_line(output)}: expected a name ending in {expected}, or --format")
    return SUFFIXES[output.suffix.lower()]


def deliver(output: Path | None, chosen: TextFormat | None, text: Callable[[TextFormat], str]) -> bool:
    """Write a table to its file or to standard output.

    Args:
        output: the file, None = standard output.
        chosen: the format, None = what suits the place.
        text: makes the table in a format.

    Returns:
        False where nothing was written because a terminal waits for a table made for it.
    """
    if output is not None:
        write_atomically(output, text(chosen or TextFormat.MARKDOWN))
        typer.echo(f"written: {output}")
        return True
    if chosen is None and sys.stdout.isatty():
        return False
    typer.echo(text(chosen or TextFormat.MARKDOWN), nl=False)
    return True
