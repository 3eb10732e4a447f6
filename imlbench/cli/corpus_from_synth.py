"""`imlbench corpus from-synth`: a corpus whose masks are known, to try the annotation of corpora on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def from_synth(
    pairs: Annotated[Path, typer.Argument(metavar="SET", help="Folder of `imlbench synth`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the corpus; files of the same names go.")],
    rows: Annotated[int, typer.Option(min=1, help="Pairs of a file at most.")] = 64,
) -> None:
    """Write a synthesised set as Parquet files in AnyEdit's layout, without its masks: a corpus to annotate."""
    from imlbench.corpora.writing import write_anyedit
    from imlbench.synthesis.reading import read_pairs

    found = read_pairs(pairs)
    paths = write_anyedit(found, out, rows)
    typer.echo(f"{len(found)} pairs in {len(paths)} files: {out}; imlbench annotate-corpus anyedit --root {out}")
