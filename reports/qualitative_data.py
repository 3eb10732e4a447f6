"""Which runs and which samples a grid of pictures shows."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imlbench.errors import UserError, one_line
from imlbench.metrics import Conventions, metric, sample_values
from imlbench.registry import natural_key
from imlbench.results.frames import TABLE_COLUMNS, count_table
from reports.grid import clean_runs
from reports.slices import newest

if TYPE_CHECKING:
    from imlbench.metrics import Empty
    from imlbench.perturb import Target
    from imlbench.results.reading import ResultReader, StoredRun

MOST_ROWS, MOST_ANNOTATORS = 50, 20


class Pick(StrEnum):
    """How samples are chosen: from the worst to the best in equal steps of rank, or one end, or at random."""

    SPREAD = "spread"
    WORST = "worst"
    BEST = "best"
    RANDOM = "random"


class Show(StrEnum):
    """What is drawn of a score map."""

    DECISION = "decision"
    SCORE = "score"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a grid shows.

    Attributes:
        dataset: label ("name" or "name:variant"); empty = the only one that the results hold.
        annotators: registered names or globs, in the order of the columns; none = all in natural order.
        sample_ids: these samples in this order; none = `rows` samples by `pick`.
        pick: how samples are chosen.
        rows: number of samples, 1-50.
        by: metric that ranks the samples and stands below each prediction.
        of: registered name of the annotator that ranks; empty = the one with the highest mean.
        show: what is drawn of a score map.
        perturbation: registered name; empty = clean runs.
        severity: None = the only one in the results.
        target: which image the perturbation befell.
        empty: the metrics' convention.
        seed: of the random choice.
    """

    dataset: str = ""
    annotators: Sequence[str] = ()
    sample_ids: Sequence[str] = ()
    pick: Pick | str = Pick.SPREAD
    rows: int = 6
    by: str = "f1"
    of: str = ""
    show: Show | str = Show.DECISION
    perturbation: str = ""
    severity: float | None = None
    target: Target = "edited"
    empty: Empty = "one"
    seed: int = 0

    def __post_init__(self) -> None:
        metric(self.by)
        if not 1 <= (len(self.sample_ids) or self.rows) <= MOST_ROWS:
            found = len(self.sample_ids) or self.rows
            raise UserError(f"a grid of pictures holds 1 to {MOST_ROWS} samples, {found} were asked for")
        if self.severity is not None and not self.perturbation:
            raise UserError("--severity: name the perturbation too, as in --perturb jpeg --severity 70")

    @property
    def conventions(self) -> Conventions:
        """Of the metrics."""
        return Conventions(empty=self.empty)


class Scored(NamedTuple):
    """What a run says of a sample.

    Attributes:
        status: ok, skipped or failed.
        message: why there is no score.
        content: identity by content of what was scored.
        value: the metric as a fraction, NaN where there is none.
    """

    status: str
    message: str
    content: str
    value: float


def chosen_runs(reader: ResultReader, choice: Choice) -> list[StoredRun]:
    """The newest run of each annotator on the dataset under the condition, in the order asked for.

    Raises:
        UserError: nothing fits, several datasets could be meant, or more annotators than a page can hold.
    """
    runs = of_dataset(of_condition(reader, choice), choice)
    patterns = choice.annotators
    for pattern in patterns:
        # Each name must be there: a column that is silently missing would be taken for one that was not asked for.
        newest(runs, [pattern])
    found = newest(runs, patterns)
    if patterns:
        found.sort(key=lambda stored: place(stored.run.adapter, patterns))
    if len(found) > MOST_ANNOTATORS:
        raise UserError(f"{len(found)} annotators, at most {MOST_ANNOTATORS} fit side by side: choose with --annotator")
    return found


def place(name: str, patterns: Sequence[str]) -> tuple[int, list[tuple[int, int, str]]]:
    """Sort key: the first pattern that fits, then natural order."""
    return [fnmatch.fnmatchcase(name, pattern) for pattern in patterns].index(True), natural_key(name)


def of_condition(reader: ResultReader, choice: Choice) -> list[StoredRun]:
    """The annotators' runs under the condition.

    Raises:
        UserError: there is none, or several severities could be meant.
    """
    if not choice.perturbation:
        return clean_runs(reader)
    perturbed = [stored for stored in reader.runs("annotator") if stored.run.perturbation]
    there = sorted({f"{stored.run.perturbation} {stored.run.severity:g}" for stored in perturbed}, key=natural_key)
    same = [s for s in perturbed if (s.run.perturbation, s.run.target) == (choice.perturbation, choice.target)]
    severities = {stored.run.severity for stored in same}
    if choice.severity is None and len(severities) > 1:
        raise UserError(f"{choice.perturbation}: choose a --severity; the results hold {', '.join(there)}")
    wanted = severities if choice.severity is None else {choice.severity}
    found = [stored for stored in same if stored.run.severity in wanted]
    if not found:
        asked = f"{one_line(choice.perturbation, 80)} {'' if choice.severity is None else f'{choice.severity:g} '}"
        hold = ", ".join(there) or "clean runs only"
        raise UserError(f"no run under {asked}on target {choice.target}; the results hold {hold}")
    return found


def of_dataset(runs: Sequence[StoredRun], choice: Choice) -> list[StoredRun]:
    """The runs on the dataset.

    Raises:
        UserError: there is none, or no dataset was named where there are several.
    """
    labels = sorted({stored.run.dataset for stored in runs}, key=natural_key)
    named = [label for label in labels if label == choice.dataset]
    named = named or [label for label in labels if choice.dataset in ("", label.partition(":")[0])]
    if len(named) == 1:
        return [stored for stored in runs if stored.run.dataset == named[0]]
    if not named:
        message = f"no run on the dataset {one_line(choice.dataset, 80)!r}; the results hold {', '.join(labels)}"
        raise UserError(message)
    raise UserError(f"several datasets: choose one with --dataset: {', '.join(named)}")


def ranking_run(reader: ResultReader, runs: Sequence[StoredRun], choice: Choice) -> StoredRun:
    """The run whose values rank the samples.

    Raises:
        UserError: the annotator asked for is not among the runs, or none has a value.
    """
    if choice.of:
        found = [stored for stored in runs if stored.run.adapter == choice.of]
        if not found:
            shown = ", ".join(stored.run.adapter for stored in runs)
            raise UserError(f"--of {one_line(choice.of, 80)}: not among the annotators shown: {shown}")
        return found[0]
    ids = [stored.run_id for stored in runs]
    means = reader.summarise_runs(ids, [choice.by], choice.conventions, resamples=0)
    known = [stored for stored in runs if np.isfinite(means[stored.run_id][choice.by].mean)]
    if not known:
        raise UserError(f"{reader.path}: no sample with a local edit has a value of {choice.by}")
    return max(known, key=lambda stored: means[stored.run_id][choice.by].mean)


def chosen_samples(reader: ResultReader, ranking: StoredRun, choice: Choice) -> tuple[list[str], int]:
    """Sample ids by `choice.pick`, and out of how many.

    Raises:
        UserError: no sample has a value.
    """
    found = reader.sample_values(ranking.run_id, [choice.by], choice.conventions)
    values = found.values[:, 0]
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise UserError(f"{ranking.run.adapter_title}: no sample with a local edit has a value of {choice.by}")
    # A stable sort keeps equal values in the order of their ids.
    ranked = known[np.argsort(values[known], kind="stable")]
    return [found.ids[index] for index in picked(ranked, choice)], len(known)


def picked(ranked: np.ndarray[tuple[int], np.dtype[np.int64]], choice: Choice) -> list[int]:
    """Some of the samples, which are ranked from the worst to the best."""
    count = min(choice.rows, len(ranked))
    pick = Pick(choice.pick)
    if pick == Pick.RANDOM:
        drawn = np.random.default_rng(choice.seed).permutation(np.sort(ranked))[:count]
        return [int(index) for index in np.sort(drawn)]
    if pick == Pick.SPREAD:
        # One sample alone stands for the middle.
        steps = np.linspace(0, len(ranked) - 1, count) if count > 1 else np.array([(len(ranked) - 1) / 2])
        return [int(index) for index in ranked[np.floor(steps).astype(int)]]
    return [int(index) for index in (ranked[:count] if pick == Pick.WORST else ranked[::-1][:count])]


def check_sample_ids(reader: ResultReader, runs: Sequence[StoredRun], choice: Choice) -> list[str]:
    """The sample ids asked for, each once.

    Raises:
        UserError: none of the runs has met a sample of that name.
    """
    for sample_id in choice.sample_ids:
        if not any(scored(reader, stored, sample_id, choice) for stored in runs):
            known = reader.query("SELECT min(sample_id), count(*) FROM counts WHERE run_id = ?", runs[0].run_id)[0]
            example = f"the results hold {known[1]} such as {one_line(known[0], 80)}"
            asked = f"--sample-id {one_line(sample_id, 80)}: no such sample on {runs[0].run.dataset}"
            raise UserError(f"{asked}; {example}")
    return list(dict.fromkeys(choice.sample_ids))


def scored(reader: ResultReader, stored: StoredRun, sample_id: str, choice: Choice) -> Scored | None:
    """What a run says of a sample, None where it has not met it."""
    statement = (
        f"SELECT status, message, content, {', '.join(TABLE_COLUMNS)} FROM counts JOIN samples USING (sample_key) "
        "WHERE run_id = ? AND counts.sample_id = ?"
    )
    rows = reader.query(statement, stored.run_id, sample_id)
    if not rows:
        return None
    status, message, content = rows[0][:3]
    value = float("nan")
    if status == "ok":
        value = float(sample_values(count_table(rows, start=3), choice.by, choice.conventions)[0])
    return Scored(status, message, content, value)
