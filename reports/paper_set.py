"""Everything that a results file allows, in one folder: tables, figures, the page, and an index of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.cards import Card
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.registry import resolve
from imlbench.report import Report
from reports.ablation_runs import is_ablation
from reports.options import Results, Seed

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader

TABLE_SUFFIXES = (".md", ".tex", ".csv")
FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
MOST_VALUES = 30
"""A tag with more values than this is a name rather than a class, and gets no table."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something to make.

    Attributes:
        title: in the index.
        kind: table, figure or page.
        report: registered name of the report that makes it.
        stem: file name without suffix, relative to the folder.
        suffixes: the formats, the one that the index shows first.
        options: passed on to the report's command.
    """

    title: str
    kind: str
    report: str
    stem: str
    suffixes: tuple[str, ...]
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What came of an item: its files, or why there is none."""

    item: Item
    files: tuple[str, ...]
    reason: str = ""


def paper(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to fill.")],
    results: Results = Path("results"),
    data_root: Annotated[
        list[str] | None,
        typer.Option(help="Folder of the images, or NAME=DIR; by default where they lay when they were scored."),
    ] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Leave out the page, which takes longest.")] = False,
    seed: Seed = 0,
) -> None:
    """All tables (Markdown, LaTeX, CSV), figures (PNG, SVG, PDF) and the page, with one index.html."""
    from imlbench.results.reading import ResultReader
    from reports.paper_index import index_html

    with ResultReader(results) as reader:
        found = [item for item in items(reader, data_root, seed) if not (no_page and item.kind == "page")]
        source = str(reader.path)
    if output.exists() and not output.is_dir():
        raise UserError(f"{one_line(output)}: not a folder: choose another with -o")
    made = []
    for item in found:
        typer.echo(f"{item.title} ...", err=True)
        made.append(make(item, output, results))
    write_atomically(output / "index.html", index_html(made, source))
    for one in made:
        typer.echo(f"{one.item.title}: {', '.join(one.files) if one.files else f'left out: {one.reason}'}")
    typer.echo(f"index: {output / 'index.html'}")


def items(reader: ResultReader, data_root: list[str] | None, seed: int) -> Iterator[Item]:
    """What can be asked for, whether or not the results allow it.

    Raises:
        UserError: the results file is damaged.
    """
    pictured = {"data_root": data_root, "seed": seed}
    # Imported here, since the list of reports must not import what draws.
    from imlbench.maps import safe_name

    yield Item("Annotators by dataset", "table", "table1", "tables/table1", TABLE_SUFFIXES, {"ci": True, "seed": seed})
    if any(is_ablation(stored) for stored in reader.runs()):
        yield Item("Ablation", "table", "table3", "tables/table3", TABLE_SUFFIXES, {"ci": True, "seed": seed})
    yield Item(
        "Robustness", "table", "table-robustness", "tables/robustness", TABLE_SUFFIXES, {"ci": True, "seed": seed}
    )
    for tag in ("mask-area", *tags(reader)):
        stem = f"tables/by-{safe_name(tag)}"
        yield Item(f"By {tag}", "table", "slices", stem, TABLE_SUFFIXES, {"by": tag, "seed": seed})
    yield Item("Robustness curves", "figure", "robustness", "figures/robustness", FIGURE_SUFFIXES, {"seed": seed})
    yield Item("F1 against the threshold", "figure", "sweep", "figures/sweep", FIGURE_SUFFIXES, {})
    yield Item("F1 against mask area", "figure", "mask-area", "figures/mask-area", FIGURE_SUFFIXES, {"seed": seed})
    yield Item("Calibration", "figure", "calibration", "figures/calibration", FIGURE_SUFFIXES, {})
    for dataset in dict.fromkeys(stored.run.dataset for stored in reader.runs() if not stored.run.perturbation):
        for pick in ("spread", "worst"):
            stem = f"figures/samples-{safe_name(dataset)}-{pick}"
            options = {**pictured, "dataset": dataset, "pick": pick}
            yield Item(f"Samples of {dataset}, {pick}", "figure", "qualitative", stem, FIGURE_SUFFIXES, options)
    yield Item("Page", "page", "html", "page", (".html",), pictured)


def tags(reader: ResultReader) -> list[str]:
    """Tags with two values at least, and not with so many that each sample is a class of its own."""
    statement = (
        "SELECT key, count(DISTINCT value) FROM samples, json_each(samples.tags) GROUP BY key "
        "HAVING count(DISTINCT value) BETWEEN 2 AND ? ORDER BY key"
    )
    return [str(key) for key, _ in reader.query(statement, MOST_VALUES)]


def make(item: Item, folder: Path, results: Path) -> Made:
    """Make one item in all its formats; what the results do not allow is left out, with the reason."""
    files: list[str] = []
    command: Callable[..., None] = partial(resolve("reports", item.report).load().command, results=results)
    for suffix in item.suffixes:
        name = item.stem + suffix
        try:
            # What a report says of its file is said in the index.
            with redirect_stdout(io.StringIO()):
                command(output=folder / name, **item.options)
        except UserError as error:
            return Made(item, tuple(files), one_line(error))
        files.append(name)
    return Made(item, tuple(files))


PAPER = Report(
    Card(
        name="paper",
        title="Paper set",
        version="1",
        summary="every table, figure and the page that the results allow, with an index",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    paper,
)
