"""A run's log: CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imlbench.files import write_atomically

TRAINING, VALIDATION = "training.csv", "validation.csv"


class Log:
    """Two tables in a folder: a row per step, a row per validation.

    Rows after `start` are dropped: a resumed run takes those steps again.

    Args:
        folder: the run's.
        columns: of the training table, after "step".
        start: the step that the run goes on from.
    """

    scores = ("f1", "edited", "marked", "untouched")

    def __init__(self, folder: Path, columns: Sequence[str], start: int) -> None:
        self.folder = folder
        self.columns = {TRAINING: tuple(columns), VALIDATION: self.scores}
        for name, titles in self.columns.items():
            write_atomically(folder / name, _kept(folder / name, ("step", *titles), start))
        self._board = _board(folder, start)

    def write(self, table: str, step: int, values: Mapping[str, float]) -> None:
        """Add a row."""
        with (self.folder / table).open("a", newline="") as file:
            csv.writer(file).writerow([step, *(f"{values[name]:.9g}" for name in self.columns[table])])
        if self._board is not None:
            for name in self.columns[table]:
                self._board.add_scalar(f"{table.removesuffix('.csv')}/{name}", values[name], step)

    def close(self) -> None:
        """Flush TensorBoard's file."""
        if self._board is not None:
            self._board.close()


class Silence:
    """The log of every process but the first."""

    def write(self, table: str, step: int, values: Mapping[str, float]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def _kept(path: Path, header: tuple[str, ...], start: int) -> str:
    """The table's rows up to the step `start`, under the header."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    if start and path.is_file():
        with path.open(newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == len(header) and row[0].isdecimal()]
        writer.writerows(row for row in rows if int(row[0]) <= start)
    return text.getvalue()


def _board(folder: Path, start: int) -> Any:
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)
