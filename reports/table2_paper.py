"""The published Table 2: detectors with their public weights, and trained on SIGMA's masks."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from reports.paper_numbers import FOLDER

if TYPE_CHECKING:
    from imlbench.study.cells import Stage

FILE = "table2_detectors.csv"
WEIGHTS: Mapping[Stage, str] = MappingProxyType({"before": "public", "after": "finetuned"})


@cache
def published() -> Mapping[tuple[str, str, str, str], float]:
    """Per cent, by detector's title, weights (public or finetuned), dataset's column or "Average", and metric."""
    values = {}
    with open(FOLDER / FILE, encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            for metric in ("f1", "iou"):
                values[line["detector"], line["weights"], line["dataset"], metric] = float(line[metric])
    return MappingProxyType(values)


def detectors() -> tuple[str, ...]:
    """Titles of the published detectors, in the table's order."""
    return tuple(dict.fromkeys(title for title, *_ in published()))


def columns() -> tuple[str, ...]:
    """The published datasets, in the table's order, without the average."""
    return tuple(dict.fromkeys(column for _, _, column, _ in published() if column != "Average"))


def number(detector: str, stage: Stage, annotator: str, column: str, metric: str) -> float | None:
    """The published number that one of ours stands beside, in per cent; None where there is none.

    The published detectors were trained on SIGMA's masks: other annotators' rows have no counterpart.
    """
    if stage == "after" and not annotator.startswith("sigma"):
        return None
    return published().get((detector, WEIGHTS[stage], column, metric))
