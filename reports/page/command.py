"""`imlbench report html`: one page that opens from disk, without a server or a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlbench.cards import Card
from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.errors import UserError, one_line
from imlbench.report import Report
from reports.options import Average, AverageOption, Empty, Invert, Metrics, Results, Seed
from reports.page.selection import Pick, Selection, select_runs

SINGLE_FILE_SAMPLES = 500
PAGE_SUFFIXES = (".html", ".htm")


def html_page(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.html|DIR", help="The page, or a folder for it alone.")
    ],
    results: Results = Path("results"),
    data_root: Annotated[
        list[str] | None,
        typer.Option(help="Folder of the images, or NAME=DIR; by default where they lay when they were scored."),
    ] = None,
    metric: Metrics = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Dataset or glob; may be repeated.")] = None,
    annotator: Annotated[list[str] | None, typer.Option(help="Annotator or glob; may be repeated.")] = None,
    detector: Annotated[list[str] | None, typer.Option(help="Detector or glob; may be repeated.")] = None,
    run: Annotated[
        list[str] | None, typer.Option(metavar="RUN_ID", help="Show this run in the gallery too; may be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Samples of each dataset in the gallery.")] = None,
    pick: Annotated[Pick, typer.Option(help="Which samples, under a limit: by mean F1, or random.")] = Pick.WORST,
    seed: Seed = 0,
    empty: Empty = EmptyOption.ONE,
    average: Average = AverageOption.IMAGE,
    invert: Invert = InvertOption.NEVER,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Numbers only; needs no image.")] = False,
    folder: Annotated[
        bool | None,
        typer.Option("--folder/--single-file", help=f"Default: a single file up to {SINGLE_FILE_SAMPLES} samples."),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "",
) -> None:
    """One page with tables, figures and a gallery of every sample, which opens from disk without a network."""
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.page.data import metric_names
    from reports.page.maker import PageMaker, Wishes

    as_page = output.suffix.lower() in PAGE_SUFFIXES
    if folder is False and not as_page:
        raise UserError(f"{one_line(output)}: --single-file needs a name ending in .html")
    if pick == Pick.ALL and limit is not None:
        raise UserError(f"--pick all and --limit {limit} contradict one another: leave one out")
    conventions = Conventions(empty.value, average.value, invert.value)
    summarised, per_sample = metric_names(metric or [])
    wishes = Wishes(title, per_sample, conventions, limit, pick, seed, not no_pictures)
    with ResultReader(results) as reader:
        selection = select_runs(reader, dataset or (), annotator or (), run or (), detector or ())
        roots = chosen_roots(selection, data_root or [])
        maker = PageMaker(reader, selection, wishes, summarised, roots)
        gallery = maker.read_gallery()
        spread = len(gallery.samples) > SINGLE_FILE_SAMPLES if folder is None else folder
        if as_page and not spread:
            maker.write_single(output, gallery)
        elif as_page:
            maker.write_beside(output, gallery)
        else:
            maker.write_folder(output, gallery)


def chosen_roots(selection: Selection, roots: list[str]) -> dict[str, Path]:
    """Folders of datasets by label, as far as they were given.

    Raises:
        UserError: see `roots_by_dataset`.
    """
    from imlbench.cli.options import roots_by_dataset

    # Sets without a clean run have no pictures and need no folder.
    found = roots_by_dataset(selection.datasets(), roots) if selection.gallery else {}
    return {label: root for label, root in found.items() if root is not None}


HTML = Report(
    Card(
        name="html",
        title="Page",
        version="1",
        summary="one page with tables, figures and a gallery of samples, which opens without a network",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    html_page,
)
