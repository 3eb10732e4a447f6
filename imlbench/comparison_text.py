"""Comparisons as text for the eye, Markdown, CSV and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from imlbench.comparison import Comparison, condition_label, label
from imlbench.errors import one_line
from imlbench.metrics import Conventions, metric
from imlbench.statistics import RESAMPLES, Summary
from imlbench.text_tables import Field, csv_text, markdown_table, markdown_text

if TYPE_CHECKING:
    from imlbench.results.reading import StoredRun

LONGEST_INSTRUCTION = 60
METRIC_HEADER = ("metric (%)", "0 inside", "A", "B", "B - A", "95 %", "stderr", "n", "B better", "equal", "A better")
SAMPLE_HEADER = ("sample", "instruction", "F1 of A (%)", "F1 of B (%)", "B - A")
CSV_HEADER = (
    *("dataset", "a", "run_a", "b", "run_b", "row", "metric", "sample_id", "instruction"),
    *("mean_a", "mean_b", "difference", "stderr", "low", "high", "zero_inside", "n", "wins", "ties", "losses"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A comparison on one dataset.

    Attributes:
        comparison: of the two runs.
        instructions: of the samples that changed most, by id; None where a sample has none.
    """

    comparison: Comparison
    instructions: Mapping[str, str | None]


def zero_inside(summary: Summary) -> bool | None:
    """Whether the interval of a difference holds 0; None where there is no interval."""
    return None if math.isnan(summary.low) else summary.low <= 0 <= summary.high


def percent(value: float, sign: str = "") -> str:
    """A fraction in per cent with two decimals, "-" where there is none."""
    # 0.0 is added since a rounded -0.0 would print its sign.
    return "-" if math.isnan(value) else f"{round(100 * value, 2) + 0.0:{sign}.2f}"


def heading(block: Block) -> tuple[str, ...]:
    """What is compared, and over which samples."""
    found = block.comparison
    run = found.a.run
    lines = [f"{one_line(run.dataset_title, 120)} ({one_line(run.dataset, 120)})"]
    lines += [f"A: {label(found.a)}", f"B: {label(found.b)}"]
    counts = f"{found.n} samples scored in both; only in A {found.only_a}, only in B {found.only_b}"
    other = f"; of these {found.other_content} with another content on each side" if found.other_content else ""
    return (*lines, counts + other)


def metric_rows(block: Block) -> Iterator[list[str]]:
    """Cells of `METRIC_HEADER`."""
    found = block.comparison
    for name, summary in found.differences.items():
        inside = {None: "-", True: "yes", False: "no"}[zero_inside(summary)]
        means = [percent(value) for value in found.means[name]]
        interval = f"{percent(summary.low, '+')} to {percent(summary.high, '+')}"
        difference = [percent(summary.mean, "+"), interval, percent(summary.stderr)]
        yield [metric(name).title, inside, *means, *difference, str(summary.n), *map(str, found.tallies[name])]


def sample_rows(block: Block) -> Iterator[list[str]]:
    """Cells of `SAMPLE_HEADER`."""
    for one in block.comparison.changed:
        instruction = one_line(block.instructions.get(one.sample_id) or "-", LONGEST_INSTRUCTION)
        values = [percent(one.a), percent(one.b), percent(one.b - one.a, "+")]
        yield [one_line(one.sample_id, LONGEST_INSTRUCTION), instruction, *values]


def notes(conventions: Conventions, seed: int) -> list[str]:
    """What the numbers stand on."""
    paired = f"paired percentile bootstrap over samples, {RESAMPLES} resamples, seed {seed}"
    return [
        f"B - A: mean of the samples' differences in percentage points; 95 %: {paired}.",
        f"Conventions: {conventions}. Local edits only.",
    ]


def markdown(blocks: Iterable[Block], said: Iterable[str]) -> str:
    """Comparisons as Markdown."""
    parts = []
    for block in blocks:
        title, *lines = heading(block)
        parts.append(f"### {markdown_text(title)}\n")
        parts.append("".join(f"- {markdown_text(line)}\n" for line in lines))
        parts.append(markdown_table(METRIC_HEADER, metric_rows(block), words=2))
        if block.comparison.changed:
            parts.append(markdown_table(SAMPLE_HEADER, sample_rows(block), words=2))
    parts.append("".join(f"- {markdown_text(note, 1000)}\n" for note in said))
    return "\n".join(parts)


def csv_rows(blocks: Iterable[Block], said: Iterable[str]) -> str:
    """Comparisons as CSV, in per cent: rows "metric" with means, rows "sample" with the samples' F1."""
    return csv_text(CSV_HEADER, (row for block in blocks for row in long_rows(block)))


def long_rows(block: Block) -> Iterator[list[Field]]:
    """Fields of `CSV_HEADER`."""
    found = block.comparison
    sides = [text for one in (found.a, found.b) for text in (condition_label(one), one.run_id)]
    head: list[Field] = [found.a.run.dataset, *sides]
    for name, summary in found.differences.items():
        spread = (*found.means[name], summary.mean, summary.stderr, summary.low, summary.high)
        inside = zero_inside(summary)
        shown = None if inside is None else int(inside)
        yield [*head, "metric", name, None, None, *map(rounded, spread), shown, summary.n, *found.tallies[name]]
    for one in found.changed:
        values = (one.a, one.b, one.b - one.a)
        texts = [one.sample_id, block.instructions.get(one.sample_id)]
        yield [*head, "sample", "f1", *texts, *map(rounded, values), *[None] * 8]


def rounded(value: float) -> float | None:
    """Per cent to six decimals, None for NaN."""
    return None if math.isnan(value) else round(100 * value, 6) + 0.0


def json_text(blocks: Sequence[Block], said: Sequence[str]) -> str:
    """Comparisons as JSON, numbers as fractions; null where a value does not exist."""
    return json.dumps({"comparisons": [as_dict(block) for block in blocks], "notes": list(said)}, indent=2) + "\n"


def as_dict(block: Block) -> dict[str, Any]:
    """A comparison as JSON has it."""
    found = block.comparison
    metrics = {
        name: {
            "mean_a": none_for_nan(found.means[name][0]),
            "mean_b": none_for_nan(found.means[name][1]),
            "difference": {key: none_for_nan(value) for key, value in asdict(summary).items()},
            "zero_inside": zero_inside(summary),
            **found.tallies[name]._asdict(),
        }
        for name, summary in found.differences.items()
    }
    changed = [{**asdict(one), "instruction": block.instructions.get(one.sample_id)} for one in found.changed]
    counts = {"n": found.n, "only_a": found.only_a, "only_b": found.only_b, "other_content": found.other_content}
    sides = {"a": side(found.a), "b": side(found.b)}
    return {"dataset": found.a.run.dataset, **sides, **counts, "metrics": metrics, "changed": changed}


def side(stored: StoredRun) -> dict[str, Any]:
    """A run as JSON has it."""
    run = stored.run
    condition = {"perturbation": run.perturbation, "severity": run.severity, "target": run.target}
    return {"run_id": stored.run_id, "adapter": run.adapter, **condition}


def none_for_nan(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
