"""What a study has measured: a cell for each detector, supervision, seed and dataset, in one file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically

NAME = "cells.json"
RESULTS = "results"
"""The folder of the results file, within the study's."""
Stage = Literal["before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One evaluation.

    Attributes:
        detector: its registered name.
        annotator: whose masks it was trained on.
        pairs: how many pairs were asked for, 0 = all.
        images: how many edited images it was trained on.
        seed: of the training.
        stage: before or after the training.
        dataset: label of the dataset that it was evaluated on.
        weights: SHA-256 of the weights that were evaluated, hexadecimal.
        run_id: of the results file.
    """

    detector: str
    annotator: str
    pairs: int
    images: int
    seed: int
    stage: Stage
    dataset: str
    weights: str
    run_id: str

    @property
    def place(self) -> tuple[str, str, int, int, str, str]:
        """What a cell is of, apart from what came of it."""
        return (self.detector, self.annotator, self.pairs, self.seed, self.stage, self.dataset)


def read_cells(folder: Path) -> list[Cell]:
    """The cells of a study, none where nothing was evaluated yet.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return []
    names = {entry.name for entry in fields(Cell)}
    try:
        values = json.loads(path.read_bytes())
        if not all(set(value) == names for value in values):
            raise ValueError("a cell has other fields than this version's")
        return [Cell(**value) for value in values]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UserError(
            f"{path}: cannot be read ({one_line(error, 120)}); delete it, and run the study again"
        ) from error


def write_cells(folder: Path, cells: list[Cell]) -> None:
    """Write all cells, in the order of their places, each place once: the last of one wins.

    Raises:
        UserError: the folder cannot be written.
    """
    by_place = {cell.place: cell for cell in cells}
    lines = ",\n".join(json.dumps(asdict(by_place[place])) for place in sorted(by_place))
    write_atomically(folder / NAME, f"[\n{lines}\n]\n")
