"""The runs of an ablation in a results file, and what their cards tell of how the variants were trained.

A variant is an annotator named `sigma-ablation-VARIANT`; its stored card has a table `ablation`. Results may come from
anywhere: what is missing in it, or is of another type than expected, counts as unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader, StoredRun
    from reports.grid import Grid, Line

PREFIX = "sigma-ablation-"
ROWS: Mapping[str, str] = MappingProxyType(
    {
        "baseline": "baseline",
        "msdb": "+msdb",
        "msdb-2drb": "+msdb+2DRBs",
        "msdb-4drb": "+msdb+4DRBs",
        "msdb-8drb": "+msdb+8DRBs",
        "msdb-2drb-igb": "+msdb+2DRBs+IGB",
        "full": "+msdb+2DRBs+IGB+Stage II training",
    }
)
"""Variant -> row of the published table."""
UNKNOWN = "unknown"
PAPER_BACKBONE, PAPER_SIDE = "dinov2-base", 518
LONGEST = 160


@dataclass(frozen=True, slots=True)
class Training:
    """How a variant came to be, as its card tells.

    Attributes:
        base: equal for variants of one ablation: same sizes, numbers, data and seed.
        checkpoint: SHA-256 of the weights.
        network: backbone, side and preset in words.
        data: what it was trained on, in words.
        length: optimiser steps of each stage, in words.
        grounder: of a variant with the grounding branch; empty for the others.
        marked: whether evaluation data was in it, which the trainer allows only when told to.
    """

    base: str
    checkpoint: str
    network: str
    data: str
    length: str
    grounder: str
    marked: bool


def is_ablation(stored: StoredRun) -> bool:
    """Whether a run is a variant's, on unperturbed images."""
    run = stored.run
    known = run.adapter.startswith(PREFIX) and run.adapter.removeprefix(PREFIX) in ROWS
    return known and run.kind == "annotator" and not run.perturbation


def ablation_runs(reader: ResultReader) -> list[StoredRun]:
    """Variants' clean runs in the order in which they were made, titled as the published rows are.

    Raises:
        UserError: there is none.
    """
    found = [stored for stored in reader.runs("annotator") if is_ablation(stored)]
    if not found:
        raise UserError(f"{reader.path}: no runs of an ablation: `imlbench ablation --out DIR` makes some")
    return [replace(stored, run=replace(stored.run, adapter_title=ROWS[variant_of(stored)])) for stored in found]


def variant_of(stored: StoredRun) -> str:
    """The variant that a run is of."""
    return stored.run.adapter.removeprefix(PREFIX)


def variant_name(row: Line) -> str:
    """A row by the variant's name, which no spreadsheet takes for a formula as it would the published one."""
    return next((name for name, title in ROWS.items() if title == row.paper), row.label)


def training_of(stored: StoredRun) -> Training:
    """What a run's card tells."""
    told = table(parsed(stored.run.card), "ablation")
    network = f"{text(told, 'backbone')} at {number(told, 'image_size')} px"
    if told.get("preset"):
        network += f", sizes of preset {text(told, 'preset')}"
    elif told.get("config"):
        network += f", sizes of {text(told, 'config')}"
    names = told.get("data")
    data = ", ".join(one_line(name, LONGEST) for name in names) if isinstance(names, list) and names else UNKNOWN
    stages = told.get("steps")
    length = (
        " + ".join(str(steps) for steps in stages if type(steps) is int and 0 <= steps < 1 << 63)
        if isinstance(stages, list)
        else ""
    )
    return Training(
        base=text(told, "base"),
        checkpoint=text(told, "checkpoint"),
        network=network,
        data=f"{data} ({number(told, 'pairs')} pairs), seed {number(told, 'seed')}",
        length=length or UNKNOWN,
        grounder=text(told, "grounder") if told.get("grounder") != "" else "",
        marked=bool(told.get("evaluation_data")),
    )


def parsed(card: str) -> Any:
    """A card's JSON; None where it is none."""
    try:
        return json.loads(card)
    except (ValueError, RecursionError):
        return None


def table(value: Any, key: str) -> Mapping[str, Any]:
    """The JSON object below a key; empty where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def text(told: Mapping[str, Any], name: str) -> str:
    """A text of a card on one line."""
    value = told.get(name)
    return one_line(value, LONGEST) if isinstance(value, str) and value.strip() else UNKNOWN


def number(told: Mapping[str, Any], name: str) -> str:
    """A whole number of a card."""
    value = told.get(name)
    # Of at most this size, since Python refuses to print numbers of thousands of digits.
    return str(value) if type(value) is int and 0 <= value < 1 << 63 else UNKNOWN


def provenance_notes(grid: Grid) -> Iterator[str]:
    """How ours were trained, where that differs from the paper's or from row to row."""
    shown = {row: [run for column in grid.columns if (run := grid.shown(row, column))] for row in grid.rows}
    trained = {row: list(dict.fromkeys(training_of(run) for run in runs)) for row, runs in shown.items() if runs}
    every = [training for found in trained.values() for training in found]
    for network in dict.fromkeys(training.network for training in every):
        rows = labels(trained, lambda training: training.network, network)
        yield f"Our backbone: {network} ({rows}); the paper's: {PAPER_BACKBONE} at {PAPER_SIDE} px."
    for data in dict.fromkeys(training.data for training in every):
        rows = labels(trained, lambda training: training.data, data)
        yield (
            f"Our training data: {data} ({rows}); the paper's Stage I: BR-Gen. The differences from the paper are "
            "those of data, length and backbone too: compare the rows with one another."
        )
    steps = "; ".join(f"{row.label} {', '.join(one.length for one in found)}" for row, found in trained.items())
    yield f"Optimiser steps, Stage I + Stage II: {steps}."
    yield from warnings(trained)


def labels(trained: Mapping[Line, list[Training]], fact: Callable[[Training], str], value: str) -> str:
    """The rows with this value of a fact, or "all rows"."""
    rows = [row.label for row, found in trained.items() if value in map(fact, found)]
    return "all rows" if len(rows) == len(trained) else ", ".join(rows)


def warnings(trained: Mapping[Line, list[Training]]) -> Iterator[str]:
    """What keeps the rows from being compared."""
    every = [training for found in trained.values() for training in found]
    if len({training.base for training in every}) > 1 or any(training.base == UNKNOWN for training in every):
        yield "Warning: the rows are not known to be trained alike (configuration, data, seed) and are not comparable."
    marked = [row.label for row, found in trained.items() if any(one.marked for one in found)]
    if marked:
        yield f"Warning: trained on evaluation data, as was asked for: {', '.join(marked)}; this measures nothing."
    mixed = [row.label for row, found in trained.items() if len({one.checkpoint for one in found}) > 1]
    if mixed:
        yield f"Warning: the columns of {', '.join(mixed)} stand on different weights; evaluate one training on all."
    blind = [row.label for row, found in trained.items() if any(one.grounder == "none" for one in found)]
    if blind:
        yield (
            f"Warning: {', '.join(blind)} had the grounder none: the branch saw a constant prior, so that what "
            "instructions add was not measured."
        )
