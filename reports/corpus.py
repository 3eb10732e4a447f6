"""What an annotated corpus holds: counts, distributions, reasons and samples, as figures, tables and one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.cards import Card
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.corpus_counting import Counts
    from reports.corpus_reading import Read
    from reports.corpus_samples import Shown

INDEX = "index.html"
HEADINGS = {
    "counts": "Pairs by edit type",
    "distributions": "Edited area and decisiveness (QES)",
    "reasons": "Why pairs were not kept",
}
"""Stem of each figure's files, and its heading."""


def corpus(
    annotations: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of annotate-corpus, finished or not.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write; index.html is the page.")
    ],
    root: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]DIR", help="Folder of the corpus, where it is not where it was; may be repeated."),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, max=500, help="Samples of each gallery; 0 = none, needs no image.")
    ] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawing of samples.")] = 0,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "",
) -> None:
    """Counts by corpus and edit type, areas and QES, rejections by reason, random kept and rejected samples."""
    from imlbench.cli.options import roots_of
    from reports.corpus_reading import DRAWN, read_counts
    from reports.corpus_samples import choose, show

    check_folders(annotations, output)
    roots = dict(zip(annotations, roots_of(annotations, root or []), strict=True))
    reads = [read_counts(folder, samples, seed, number) for number, folder in enumerate(annotations)]
    tell_apart(reads)
    galleries = {status: show(choose(reads, status, samples), roots) for status in DRAWN} if samples else {}
    paths = write(output, reads, galleries, seed, title)
    total, kept = totals(reads)
    typer.echo(f"written: {output / INDEX} and {len(paths) - 1} files beside it ({total:,} pairs, {kept:,} kept)")


def tell_apart(reads: Sequence[Read]) -> None:
    """Name the annotator too, and then the folder's place, where corpora have the same name."""
    for way in (lambda read, _: name_of(read.plan.get("annotator")), lambda _, place: f"folder {place}"):
        names = [read.counts.corpus for read in reads]
        for place, read in enumerate(reads, 1):
            if names.count(read.counts.corpus) > 1:
                read.counts.corpus += f", {way(read, place)}"


def check_folders(annotations: Sequence[Path], output: Path) -> None:
    """Refuse what would count twice or spoil an annotation.

    Raises:
        UserError: a folder is named twice, or the output is one of them or a file.
    """
    places = [folder.resolve() for folder in annotations]
    for place, folder in zip(places, annotations, strict=True):
        if places.count(place) > 1:
            raise UserError(f"{one_line(folder, 200)} is named twice; name each annotation once")
        if output.resolve() in (place, place / "shards"):
            raise UserError(f"-o {one_line(output, 200)} is an annotation itself; choose a folder of the report's own")
    if output.exists() and not output.is_dir():
        raise UserError(f"-o {one_line(output, 200)}: expected a folder, found a file; choose another")


def write(folder: Path, reads: Sequence[Read], galleries: dict[str, list[Shown]], seed: int, title: str) -> list[Path]:
    """Write figures, tables and page, the page last.

    Returns:
        The files.
    """
    from reports import markup
    from reports.corpus_page import page
    from reports.corpus_table import csv, sheets
    from reports.figures import FORMS, image_bytes

    counts = [read.counts for read in reads]
    notes = list(make_notes(reads, galleries, seed))
    drawn = figures(counts, shared_gates(reads))
    content: dict[str, bytes | str] = {
        f"{stem}.{form}": image_bytes(figure, form) for stem, figure in drawn.items() for form in FORMS
    }
    tables = sheets(counts)
    content |= {"summary.md": markup.markdown(tables, notes), "summary.csv": csv(counts)}
    shown = {HEADINGS[stem]: content[f"{stem}.svg"] for stem in drawn}
    headings = {f"Random {status} samples": found for status, found in galleries.items()}
    labels = "; ".join(one.corpus for one in counts)
    content[INDEX] = page(title or f"Annotated corpus: {labels}", lead(reads), shown, tables, headings, notes)  # type: ignore[arg-type]
    for name, data in content.items():
        write_atomically(folder / name, data)
    return [folder / name for name in content]


def figures(counts: Sequence[Counts], gates: dict[str, Any]) -> dict[str, Figure]:
    """The figures by the stem of their files."""
    from reports.corpus_figures import draw_counts, draw_distributions, draw_reasons

    return {
        "counts": draw_counts(counts),
        "distributions": draw_distributions(counts, gates),
        "reasons": draw_reasons(counts),
    }


def shared_gates(reads: Sequence[Read]) -> dict[str, Any]:
    """The gates of the plans, none where they differ."""
    first = reads[0].plan.get("gates")
    alike = all(read.plan.get("gates") == first for read in reads)
    return first if alike and isinstance(first, dict) else {}


def totals(reads: Sequence[Read]) -> tuple[int, int]:
    """Number of pairs, and of kept ones."""
    return sum(read.counts.total for read in reads), sum(read.counts.of("kept") for read in reads)


def lead(reads: Sequence[Read]) -> str:
    """The line below the title."""
    total, kept = totals(reads)
    share = f" ({100 * kept / total:.3g} %)" if total else ""
    return f"{total:,} pairs, {kept:,} kept{share}"


def make_notes(reads: Sequence[Read], galleries: dict[str, list[Shown]], seed: int) -> Iterator[str]:
    """The small print."""
    from imlbench import __version__
    from imlbench.overlays import COLOUR

    for read in reads:
        yield from plan_notes(read)
    yield "Edit types: one vocabulary for all corpora; each pair keeps its source's own name."
    yield "Kept %: of the pairs that were annotated or tried, excluded ones left out."
    yield "QES: pixels with a score above 15/16 over those above 1/16: how decided a map is, not how right."
    yield (
        "Distributions: of the pairs that have a mask. Area % and QES in the table: medians, of the kept pairs for "
        "area, to the middle of a narrow bin; regions: mean number of 8-connected regions of the kept masks."
    )
    if galleries:
        yield (
            f"Samples: drawn at random with seed {seed}; rejected ones within each reason, the reasons taking turns. "
            f"Marked: what the annotation says was edited, in #{bytes(COLOUR).hex()}. "
            "Pictures are reduced and compressed."
        )
    yield f"imlbench {__version__}."


def plan_notes(read: Read) -> Iterator[str]:
    """How a corpus was annotated, and what is missing of it."""
    from imlbench.exporting.annotation import unread_files

    plan = read.plan
    second = f" and {name_of(plan.get('second'))} for the agreement" if plan.get("second") else ""
    first, gates = name_of(plan.get("annotator")), gate_text(plan.get("gates"))
    yield f"{read.counts.corpus}: annotated by {first}{second}; gates: {gates}."
    if read.done < read.planned:
        yield f"{read.counts.corpus}: {read.done:,} of {read.planned:,} shards are done; the rest is not counted."
    if unread := unread_files(plan):
        first, more = one_line(unread[0], 200), " and others" if len(unread) > 1 else ""
        yield f"{read.counts.corpus}: files that could not be read ({len(unread):,}) are not counted: {first}{more}."


def name_of(adapter: Any) -> str:
    """Name and version of an annotator, as the plan has them."""
    return f"{adapter.get('name')} {adapter.get('version')}" if isinstance(adapter, dict) else "an unknown annotator"


def gate_text(gates: Any) -> str:
    """The gates on one line."""
    if not isinstance(gates, dict):
        return "unknown"
    return ", ".join(f"{name.replace('_', '-')} {value}" for name, value in gates.items())


CORPUS = Report(
    Card(
        name="corpus",
        title="Annotated corpus",
        version="1",
        summary="counts, areas, QES, reasons and random samples of an annotated corpus, as figures and a page",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    corpus,
)
