"""`imlbench compare A B`: two annotators, or two runs, sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cli.options import EmptyOption, InvertOption
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.comparison_text import Block
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader, StoredRun

SUFFIXES = (".md", ".markdown", ".csv", ".json")


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Annotator, annotator@jpeg:70, or a run id's beginning.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise; a positive difference means that B is better.")],
    results: Annotated[Path, typer.Option(metavar="DIR", help="The results folder.")] = Path("results"),
    results_b: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The results folder of B, where it is another.")
    ] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this dataset; may be repeated.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="f1 and iou by default; may be repeated.")] = None,
    changed: Annotated[int, typer.Option(min=0, help="Name this many samples whose F1 changed most.")] = 10,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file: .md, .csv or .json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    empty: Annotated[
        EmptyOption, typer.Option(help="Value where neither truth nor prediction marks a pixel.")
    ] = EmptyOption.ONE,
    invert: Annotated[
        InvertOption, typer.Option(help="best: the better of a map and its inverse, per sample.")
    ] = InvertOption.NEVER,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare two annotators or two runs, sample by sample: paired differences with 95 % intervals.

    `imlbench results show` lists the runs with their ids.
    """
    from imlbench.files import write_atomically
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader

    if output is not None and output.suffix.lower() not in SUFFIXES:
        raise UserError(f"{one_line(output)}: expected a name ending in {', '.join(SUFFIXES)}")
    conventions = Conventions(empty.value, "image", invert.value)
    names = list(dict.fromkeys(metric or ["f1", "iou"]))
    with ResultReader(results) as first, ResultReader(results_b or results) as second:
        pairs, alone = pair_runs(first, second, (a, b), dataset or [])
        blocks = [make_block(first, second, *pair, names, conventions, seed, changed) for pair in pairs]
    from imlbench import comparison_text as text

    notes = [*text.notes(conventions, seed), *alone]
    if output is not None:
        made = {".csv": text.csv_rows, ".json": text.json_text}.get(output.suffix.lower(), text.markdown)
        write_atomically(output, made(blocks, notes))
        typer.echo(f"written: {one_line(output)}")
    elif as_json:
        typer.echo(text.json_text(blocks, notes), nl=False)
    else:
        show(blocks, notes)


def pair_runs(
    first: ResultReader, second: ResultReader, wanted: tuple[str, str], datasets: list[str]
) -> tuple[list[tuple[StoredRun, StoredRun]], list[str]]:
    """The two runs on each dataset that has both, and a note on each dataset that has one only.

    Raises:
        UserError: a name is unknown or ambiguous, no dataset has both, or both are the same run.
    """
    from imlbench.registry import natural_key
    from imlbench.results.choosing import listed, matching_runs

    known = {stored.run.dataset for reader in (first, second) for stored in reader.runs()}
    for name in datasets:
        if name not in known:
            raise UserError(f"no run on dataset {one_line(name, 120)!r}; the results hold {listed(known)}")
    a, b = (matching_runs(reader.runs(), text, datasets) for reader, text in zip((first, second), wanted, strict=True))
    shared = sorted(a.keys() & b.keys(), key=natural_key)
    if not shared:
        found = f"{wanted[0]} is on {listed(a)}, {wanted[1]} on {listed(b)}"
        raise UserError(f"expected two runs on one dataset: {one_line(found)}")
    pairs = [(a[name], b[name]) for name in shared]
    same_file = first.path.samefile(second.path)
    if same_file and any(one.run_id == other.run_id for one, other in pairs):
        raise UserError(f"{wanted[0]} and {wanted[1]} are the same run: there is nothing to compare")
    alone = [f"{one_line(name)}: only A was run." for name in a if name not in b]
    return pairs, alone + [f"{one_line(name)}: only B was run." for name in b if name not in a]


def make_block(
    first: ResultReader,
    second: ResultReader,
    a: StoredRun,
    b: StoredRun,
    metrics: list[str],
    conventions: Conventions,
    seed: int,
    changed: int,
) -> Block:
    """One dataset's comparison, with the instructions of its samples."""
    from imlbench.comparison import compare_runs
    from imlbench.comparison_text import Block

    found = compare_runs(first, a, b, metrics, conventions, seed, changed, second)
    return Block(found, first.instructions(a.run_id, [one.sample_id for one in found.changed]))


def show(blocks: list[Block], notes: list[str]) -> None:
    """Print for the eye."""
    from imlbench import comparison_text as text
    from imlbench.cli.tables import print_table

    for block in blocks:
        for line in text.heading(block):
            typer.echo(line)
        typer.echo()
        print_table(text.METRIC_HEADER, list(text.metric_rows(block)))
        typer.echo()
        if block.comparison.changed:
            print_table(text.SAMPLE_HEADER, list(text.sample_rows(block)))
            typer.echo()
    for note in notes:
        typer.echo(note)
