"""The comparison as Markdown: the table, how each was trained, who wins, and what is not in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.bench_annotators import SIDE
from benchmarks.comparison.contestants import DDPM_CD, UNTRAINED, Trained
from benchmarks.comparison.order import Order
from imlbench.comparison import compare_runs
from imlbench.text_tables import markdown_table

if TYPE_CHECKING:
    from benchmarks.comparison.costs import Cost
    from benchmarks.comparison.measuring import Column, Measured
    from benchmarks.comparison.training import Finished
    from imlbench.results.reading import ResultReader
    from imlbench.statistics import Summary
    from imlbench.training.pairs import TrainingSet

TABLES = {"f1": "F1", "iou": "IoU", "ap": "average precision"}
"""The first one's winner is told; average precision does not depend on a threshold."""
OTSU = UNTRAINED[0]


@dataclass(frozen=True, slots=True)
class Found:
    """All that the page tells.

    Attributes:
        order: what was asked.
        data: what was trained on.
        runs: the trainings, by annotator.
        measured: what was scored.
        costs: by annotator.
        machine: one line.
    """

    order: Order
    data: TrainingSet
    runs: Mapping[str, Finished]
    measured: Measured
    costs: Mapping[str, Cost]
    machine: str


def page(found: Found, reader: ResultReader) -> str:
    """The whole page."""
    order = found.order
    seen = f"{order.rounded:,} samples of {len(found.data.train):,} pairs ({', '.join(found.data.names)})"
    how = f"seed {order.seed}, each by its own recipe, on a processor; the weights after the last step"
    parts = [f"# Baselines\n\nTrained on {seen}; {how}.\n"]
    for metric, title in TABLES.items():
        scores = {column.title: summaries(reader, column, metric) for column in found.measured.columns}
        parts.append(f"\n## {title}\n\n{score_table(found, scores, costly=metric == 'f1')}")
        if metric == "f1":
            parts.append(f"\n{''.join(f'- {line}' for line in verdicts(found.measured.columns, scores, reader))}")
    parts.append(f"\n## Training\n\n{training_table(found)}\n{commands(found)}\n## Notes\n\n{notes(found)}")
    return "".join(parts)


def summaries(reader: ResultReader, column: Column, metric: str) -> dict[str, Summary]:
    """Means with their intervals, by annotator."""
    by_run = reader.summarise_runs(list(column.runs.values()), [metric])
    return {name: by_run[run_id][metric] for name, run_id in column.runs.items()}


def score_table(found: Found, scores: Mapping[str, Mapping[str, Summary]], costly: bool) -> str:
    """A row for each annotator, per cent with the 95 % interval; n in the header, in a cell only where it differs."""
    header = ["annotator"]
    for title, by_name in scores.items():
        header.append(f"{title} (n = {max(summary.n for summary in by_name.values())})")
    header += ["parameters trained", "frozen", "ms a pair", "peak MB"] if costly else []
    rows = []
    for name in found.order.names:
        row = [name, *(score_cell(by_name, name) for by_name in scores.values())]
        rows.append([*row, *cost_cells(found.costs[name])] if costly else row)
    return markdown_table(header, rows, words=1)


def score_cell(by_name: Mapping[str, Summary], name: str) -> str:
    """Mean and interval in per cent."""
    own = by_name[name]
    if not own.n:
        return "-"
    fewer = "" if own.n == max(summary.n for summary in by_name.values()) else f", n = {own.n}"
    return f"{100 * own.mean:.1f} ({100 * own.low:.1f} to {100 * own.high:.1f}{fewer})"


def cost_cells(cost: Cost) -> list[str]:
    """Parameters, milliseconds, megabytes."""
    return [f"{cost.trainable:,}", f"{cost.frozen:,}", f"{1e3 * cost.seconds:.0f}", f"{cost.memory:.0f}"]


def verdicts(columns: Sequence[Column], scores: Mapping[str, Mapping[str, Summary]], reader: ResultReader) -> list[str]:
    """Who is first in each column, and by how much before the second, sample by sample."""
    stored = {one.run_id: one for one in reader.runs()}
    lines = []
    for column in columns:
        order = sorted(scores[column.title].items(), key=lambda item: -item[1].mean)
        ranked = [name for name, summary in order if summary.n]
        if len(ranked) < 2:
            continue
        first, second = (stored[column.runs[name]] for name in ranked[:2])
        ahead = compare_runs(reader, second, first, ["f1"]).differences["f1"]
        told = f"{100 * ahead.mean:.1f} points ({100 * ahead.low:.1f} to {100 * ahead.high:.1f}) before {ranked[1]}"
        sure = "" if ahead.low > 0 else ": not told apart"
        lines.append(f"{column.title}: {ranked[0]}, {told}{sure}\n")
    return lines


def training_table(found: Found) -> str:
    """How each came about."""
    header = ["annotator", "starts from", "optimiser", "steps x batch", "trained at", "sees pairs at"]
    header += ["minutes", "F1 on pairs kept apart", "marked without an edit"]
    rows = [training_row(one, found) for one in found.order.trained]
    return markdown_table(header, rows, words=6)


def training_row(one: Trained, found: Found) -> list[str]:
    """One network's."""
    order, run = found.order, found.runs[one.name]
    starts = f"random head over the frozen {order.unet.name}" if one is DDPM_CD and order.unet else one.starts
    # From the marker: what was trained, whatever the recipe says by now.
    config, batch = run.asked["config"], order.batch_size(one)
    sides = f"{min(run.sides)} to {max(run.sides)}" if len(run.sides) > 1 else f"{run.sides[0]}"
    score = "-" if run.f1 is None else f"{100 * run.f1:.1f}"
    marked = "-" if run.marked is None else f"{100 * run.marked:.2f} %"
    optimiser = f"{one.optimiser}, {run.learning_rate:g}"
    steps = f"{config['steps']} x {batch}"
    minutes = f"{run.seconds / 60:.1f}"
    return [one.name, starts, optimiser, steps, sides, one.seen(config), minutes, score, marked]


def commands(found: Found) -> str:
    """What was run, as it can be typed."""
    lines = "".join(f"{found.runs[one.name].command}\n" for one in found.order.trained)
    return f"```sh\n{lines}```\n" if lines else ""


def notes(found: Found) -> str:
    """What a reader must know."""
    order = found.order
    lines = [
        "Scores are per cent at each annotator's own threshold, means over images, bootstrap 95 % intervals.",
        "Perturbed is the edited image alone. Subsets, noise and bootstrap have seed 0.",
        f"Time and memory: pairs of {SIDE} x {SIDE} on a processor, one after the other and in turns; memory is the "
        "peak of a whole process.",
        "One seed each: the intervals are over images, not over trainings.",
    ]
    if OTSU in order.names:
        lines.append(f"{OTSU} hands out a hard decision: its average precision is that of a single point.")
    if DDPM_CD in order.trained and order.unet is None:
        lines.append(
            "ddpm-cd's diffusion model has random weights here, was not pretrained on anything, and is small: its row "
            "says what its head learns over random features, nothing about the published method."
        )
    lines += [f"Left out: {line}" for line in found.measured.left_out]
    if found.measured.failed:
        lines.append(f"{found.measured.failed} outcomes have no score; the reasons are in the results file.")
    return "".join(f"- {line}\n" for line in [*lines, f"Measured on: {found.machine}."])
