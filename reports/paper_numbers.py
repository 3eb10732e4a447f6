"""The published numbers that ours stand beside: `reports/paper/*.csv`, one file a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "paper"
ANNOTATORS = "table1_annotators.csv"
ABLATION = "table3_ablation.csv"
AVERAGE = "Average"


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A published table.

    Attributes:
        rows: names of its methods, in its order.
        columns: names of its datasets, in its order, without the average.
        values: per cent, by (method, dataset or "Average", metric).
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Mapping[tuple[str, str, str], float]

    def number(self, row: str, column: str, metric: str) -> float | None:
        """A published value in per cent; None where the paper has none."""
        return self.values.get((row, column, metric))


@cache
def annotator_table() -> PaperTable:
    """Table 1 of the SIGMA paper: annotators by dataset, F1 and IoU."""
    return read_table(ANNOTATORS, "annotator")


@cache
def ablation_table() -> PaperTable:
    """Table 3 of the SIGMA paper: variants of SIGMA by dataset, F1 and IoU."""
    return read_table(ABLATION, "variant")


def read_table(name: str, word: str) -> PaperTable:
    """A file of `FOLDER` whose column `word` names the rows."""
    rows: dict[str, None] = {}
    columns: dict[str, None] = {}
    values: dict[tuple[str, str, str], float] = {}
    with open(FOLDER / name, encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            rows[line[word]] = None
            columns[line["dataset"]] = None
            for metric in ("f1", "iou"):
                values[line[word], line["dataset"], metric] = float(line[metric])
    return PaperTable(tuple(rows), tuple(name for name in columns if name != AVERAGE), values)
