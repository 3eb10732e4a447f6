"""Which runs the page lists, which of them the gallery shows, and which samples are picked."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from imlbench.errors import UserError, one_line
from imlbench.registry import natural_key

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader, StoredRun

SHORTEST_PREFIX = 4


class Pick(StrEnum):
    """Which samples the gallery holds where it cannot or shall not hold all."""

    WORST = "worst"
    BEST = "best"
    RANDOM = "random"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Selection:
    """The runs of a page.

    Attributes:
        listed: runs of the tables, by dataset, adapter, condition, the older first.
        newest: indexes of the newest clean run of each adapter on each dataset.
        gallery: indexes of the runs in the gallery: `newest` and those asked for, in the order of `listed`.
    """

    listed: tuple[StoredRun, ...]
    newest: tuple[int, ...]
    gallery: tuple[int, ...]

    def datasets(self) -> list[str]:
        """Labels of the datasets in the gallery."""
        return list(dict.fromkeys(self.listed[index].run.dataset for index in self.gallery))


def select_runs(
    reader: ResultReader,
    datasets: Sequence[str] = (),
    annotators: Sequence[str] = (),
    extra: Sequence[str] = (),
    detectors: Sequence[str] = (),
) -> Selection:
    """Choose the runs.

    Args:
        reader: the results.
        datasets: names, labels or globs; none = all.
        annotators: registered names or globs; none = all, or no annotator where detectors are named.
        extra: ids of runs, or unique beginnings of ids, that the gallery shows besides the newest clean ones.
        detectors: registered names or globs; none = all, or no detector where annotators are named.

    Raises:
        UserError: nothing fits, or an id is unknown or not unique.
    """
    runs = reader.runs()
    asked = {find_run(runs, text) for text in extra}
    fitting = [stored for stored in runs if fits(stored, datasets, annotators, detectors) or stored.run_id in asked]
    if not fitting:
        known = {f"{stored.run.adapter} on {stored.run.dataset}" for stored in runs}
        held = ", ".join(sorted(known, key=natural_key)) or "no runs: `imlbench annotate-eval --out DIR` makes some"
        raise UserError(one_line(f"{reader.path}: no run fits; the results hold {held}"))
    listed = tuple(sorted(fitting, key=place))
    newest: dict[tuple[str, str, str], int] = {}
    for index in sorted(range(len(listed)), key=lambda index: listed[index].recorded):
        run = listed[index].run
        if not run.perturbation:
            newest[run.kind, run.adapter, run.dataset] = index
    shown = {*newest.values(), *(index for index, stored in enumerate(listed) if stored.run_id in asked)}
    return Selection(listed, tuple(sorted(newest.values())), tuple(sorted(shown)))


def fits(stored: StoredRun, datasets: Sequence[str], annotators: Sequence[str], detectors: Sequence[str] = ()) -> bool:
    """Whether a run is of a dataset and an adapter that were asked for."""
    names = (stored.run.dataset, stored.run.dataset.partition(":")[0])
    on_dataset = not datasets or any(fnmatch.fnmatchcase(name, glob) for name in names for glob in datasets)
    globs = annotators if stored.run.kind == "annotator" else detectors
    of_adapter = any(fnmatch.fnmatchcase(stored.run.adapter, glob) for glob in globs)
    return on_dataset and (of_adapter or not (annotators or detectors))


def find_run(runs: Sequence[StoredRun], text: str) -> str:
    """The id of the run that `text` is, or begins.

    Raises:
        UserError: there is none, or there are several.
    """
    found = [stored.run_id for stored in runs if stored.run_id.startswith(text)]
    if len(text) < SHORTEST_PREFIX or len(found) != 1:
        count = "several runs" if len(found) > 1 else "no run"
        expected = f"expected a run's id, or a beginning of {SHORTEST_PREFIX} or more digits that no other has"
        raise UserError(f"--run {one_line(text, 80)!r}: {count}; {expected}; the page's tables name them")
    return found[0]


Place = tuple[list[tuple[int, int, str]], list[tuple[int, int, str]], str, float, str, int]


def place(stored: StoredRun) -> Place:
    """Sort key of a run in the tables."""
    run = stored.run
    severity = -math.inf if run.severity is None else run.severity
    return natural_key(run.dataset), natural_key(run.adapter), run.perturbation, severity, run.target, stored.recorded


def pick_samples(scores: Mapping[str, float], limit: int | None, pick: Pick, seed: int) -> set[str]:
    """The samples of one dataset that the gallery holds.

    Args:
        scores: mean F1 over the gallery's runs by sample id; NaN where no run has a value: those come last.
        limit: number of samples at most, None = all.
        pick: which of them; a larger limit's samples contain a smaller one's.
        seed: of the random order.
    """
    names = sorted(scores)
    if limit is None or limit >= len(names):
        return set(names)
    if pick == Pick.RANDOM:
        import numpy as np

        order = np.random.default_rng(seed).permutation(len(names))
        return {names[index] for index in order[:limit].tolist()}
    sign = -1 if pick == Pick.BEST else 1
    ranked = sorted(names, key=lambda name: math.inf if math.isnan(scores[name]) else sign * scores[name])
    return set(ranked[:limit])
