"""Results files with made-up counts, written through the same store as real ones."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from imlbench.counting import SampleCounts
from imlbench.histograms import BINS, binary_histogram
from imlbench.results.records import Outcome, Run, SampleFacts
from imlbench.results.store import ResultStore

PAPER = {
    "cocoglide": "CoCoGlide",
    "autosplice": "AutoSplice",
    "magicbrush": "MagicBrush",
    "deal300k": "DEAL-300K",
    "opensdi": "OpenSDI",
}


def make_run(adapter="pixdiff-10", title="PixDiff-Fixed(10)", dataset="cocoglide", **changes) -> Run:
    """A clean run of an annotator; every field can be changed, `version` makes it another run."""
    version = changes.pop("version", "1")
    name = PAPER.get(dataset, "")
    run = Run(
        kind="annotator",
        adapter=adapter,
        adapter_title=title,
        dataset=dataset,
        dataset_title=name or dataset,
        paper_dataset=name,
        perturbation="",
        severity=None,
        target="edited",
        threshold=10 / 255,
        soft=True,
        identity="",
        card="{}",
    )
    run = replace(run, **changes)
    identity = {"adapter": run.adapter, "dataset": run.dataset, "perturbation": run.perturbation, "version": version}
    return replace(run, identity=json.dumps({**identity, "metric_version": "1"}))


def hard(tp: int, fp: int, fn: int, tn: int) -> SampleCounts:
    """Counts of a hard decision."""
    return SampleCounts(tp, fp, fn, tn, binary_histogram(tp, fp, fn, tn))


def soft(
    edited_level: int, noise_level: int, edited: int = 40, unedited: int = 60, threshold: int = 10
) -> SampleCounts:
    """Counts of a map with one score for all edited pixels and one for all others."""
    histogram = np.zeros((2, BINS), dtype=np.int64)
    histogram[0, noise_level], histogram[1, edited_level] = unedited, edited
    fp, tp = histogram[:, threshold:].sum(axis=1).tolist()
    return SampleCounts(tp, fp, edited - tp, unedited - fp, histogram)


def facts(dataset: str, sample_id: str, **changes) -> SampleFacts:
    """Facts of a sample of 10 x 10 pixels, 40 of them edited."""
    base = SampleFacts(
        dataset,
        sample_id,
        "local",
        content=f"content of {sample_id}",
        width=10,
        height=10,
        edited_pixels=40,
        outside_difference=9,
    )
    return replace(base, **changes)


def scored(run: Run, counts: Sequence[SampleCounts], **changes) -> list[Outcome]:
    """Outcomes ok, one sample per counts, with ids s0, s1, ..."""
    return [
        Outcome(run.run_id, facts(run.dataset, f"s{index}", **changes), "", "ok", counts=count)
        for index, count in enumerate(counts)
    ]


def unscored(run: Run, sample_id: str, status: str, reason: str) -> Outcome:
    """A sample without a result."""
    return Outcome(run.run_id, facts(run.dataset, sample_id, content=""), "", status, reason, f"{sample_id}: {reason}")


def write(folder: Path, *batches: tuple[Run, Iterable[Outcome]], provenance: Mapping[str, str] | None = None) -> Path:
    """Write each run in an invocation of its own, so that later ones are newer; returns the folder."""
    with ResultStore(folder) as store:
        for run, outcomes in batches:
            store.add_run(run)
            invocation = store.begin_invocation(provenance or {"imlbench": "0.0.9"})
            store.write(list(outcomes), invocation)
            store.finish_invocation(invocation)
    return folder


def five_datasets(folder: Path, counts: Callable[[int], list[SampleCounts]], **changes) -> Path:
    """PixDiff-Fixed(10) on all five published datasets; `counts` gets the dataset's number."""
    runs = [make_run(dataset=name, **changes) for name in PAPER]
    return write(folder, *((run, scored(run, counts(index))) for index, run in enumerate(runs)))
