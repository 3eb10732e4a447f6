"""How far an annotation is, while it runs or after: from the plan, the summary and the few manifests that it lacks."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlbench.annotating.agreement import read_plan, work_digest
from imlbench.annotating.lock import is_locked
from imlbench.annotating.output import PLAN, SHARDS, read_manifest
from imlbench.annotating.summary import NAME, Totals

MANIFEST = re.compile(r"([0-9]{6,})\.json")


@dataclass(frozen=True, slots=True)
class CorpusStatus:
    """How far an annotation is.

    Attributes:
        corpus: label of the corpus.
        annotator: its name.
        running: whether a driver is at work on this folder now.
        shards: number of shards.
        shards_done: of them, finished ones.
        pairs: number of pairs; None where only reading the corpus through tells.
        pairs_done: pairs of finished shards, and of unfinished ones those that the driver knows of.
        rate: pairs a second of the run that is going on; None where none is.
        seconds_left: of that run; None where nobody knows.
        status: pairs of finished shards by status.
        reasons: pairs by reason, by status.
        edit_type: pairs by edit type.
        lost: shards that could not be done by the last run, and why.
        broken: files of the corpus that could not be read as a whole, and why.
    """

    corpus: str
    annotator: str
    running: bool
    shards: int
    shards_done: int
    pairs: int | None
    pairs_done: int
    rate: float | None
    seconds_left: float | None
    status: dict[str, int]
    reasons: dict[str, dict[str, int]]
    edit_type: dict[str, int]
    lost: dict[str, str]
    broken: dict[str, str]


def corpus_status(folder: Path) -> CorpusStatus:
    """The status of an annotation's folder.

    Raises:
        UserError: it holds no annotation.
    """
    plan = read_plan(folder / PLAN)
    running = is_locked(folder)
    found = read_manifest(folder / NAME) or {}
    if found.get("plan") != work_digest(plan):
        found = {}
    totals = all_totals(folder / SHARDS, found)
    counted = totals.as_json()
    rows = [None if stop is None else stop - start for _, start, stop in plan["shards"]]
    pairs = None if None in rows else sum(size for size in rows if size is not None)
    run = found.get("run", {})
    rate, left = speed(run) if running else (None, None)
    under_way = max(0, run.get("done", 0) - run.get("finished", 0)) if running else 0
    return CorpusStatus(
        corpus=plan["corpus"],
        annotator=plan["annotator"]["name"],
        running=running,
        shards=len(rows),
        shards_done=len(totals.shards),
        pairs=pairs,
        # Rows that are done once more are counted with their shards already.
        pairs_done=totals.rows + under_way if pairs is None else min(totals.rows + under_way, pairs),
        rate=rate,
        seconds_left=left,
        status=counted["status"],
        reasons=counted["reasons"],
        edit_type=counted["edit_type"],
        lost=dict(found.get("lost", {})),
        broken={entry[0]: entry[3] for entry in plan["parts"] if len(entry) > 3},
    )


def all_totals(shards: Path, summary: dict[str, Any]) -> Totals:
    """The counts of all finished shards: the summary's, and those of the manifests that it lacks."""
    try:
        totals = Totals.read(summary)
    except (KeyError, TypeError, ValueError):
        totals = Totals()
    names = [entry.name for entry in os.scandir(shards)] if shards.is_dir() else []
    for name in names:
        match = MANIFEST.fullmatch(name)
        if match and int(match[1]) not in totals.shards:
            # One that is gone by now is being done again; a damaged one is not done.
            with suppress(KeyError, TypeError, ValueError, AttributeError):
                totals.add(read_manifest(shards / name) or {})
    return totals


def speed(run: dict[str, Any]) -> tuple[float | None, float | None]:
    """Pairs a second, and seconds left, of a run that is going on."""
    done, seconds, todo = run.get("done", 0), run.get("seconds", 0.0), run.get("todo")
    if not done or not seconds:
        return None, None
    rate = done / seconds
    return rate, None if todo is None else max(0, todo - done) / rate
