"""Verifying a dataset folder: every sample is decoded, everything that is wrong is named, counts are compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from imlbench.account import Progress, Quiet
from imlbench.datasets.base import Problem
from imlbench.errors import Reason
from imlbench.pair_kinds import PairKind, classify_pair
from imlbench.parts import load_parts
from imlbench.settings import Settings, available_cpus, selected
from imlbench.verification import Finding, Measured, Verification

if TYPE_CHECKING:
    from imlbench.datasets.base import Dataset
    from imlbench.loading import LoadedSample
    from imlbench.samples import Sample

    Checked = tuple[list[Problem], Measured | None]


def verify(
    dataset: Dataset,
    workers: int | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
    pair_kinds: bool = False,
) -> Verification:
    """Decode every sample of a dataset and name what is wrong.

    Memory holds a bounded number of decoded samples, and a few bytes and the id of each.

    Args:
        dataset: an opened dataset.
        workers: decoding threads; None = as many as processors.
        limit: decode only a random subset of this size, the same every time; None = all.
        progress: receives news.
        pair_kinds: tell the kind of each pair too, see `imlbench.pair_kinds`; what is not SPG is warned of.

    Raises:
        UserError: `workers` or `limit` is below 1, or the dataset's index cannot be read.
    """
    settings = Settings(workers=available_cpus() if workers is None else workers, limit=limit)
    news = progress or Quiet()
    total, samples = selected(dataset, settings)
    published = dataset.card.published.get(dataset.variant)
    found = Verification(dataset.label, dataset.title, dataset.root, len(dataset), published)
    news.start(total)
    seen: set[str] = set()
    with closing(checks(samples, settings.workers, pair_kinds)) as checked:
        for sample, problems, measured in checked:
            if sample.id in seen:
                problems.append(Problem(Reason.DOUBLE_MATCH, sample.id, f"{sample.id}: two samples have this id"))
            seen.add(sample.id)
            found.problems += problems
            found.count(sample, measured)
            news.advance(1, int(measured is None))
    found.problems += dataset.orphans()
    found.problems += problems_of_count(found)
    return found


def checks(
    samples: Iterator[Sample], workers: int, pair_kinds: bool
) -> Generator[tuple[Sample, list[Problem], Measured | None], None, None]:
    """Samples with what `check` says of each, in order, while threads decode a few samples ahead."""
    window = 2 * workers + 2
    pending: deque[tuple[Sample, Future[Checked]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="verify") as pool:
        try:
            for sample in samples:
                pending.append((sample, pool.submit(check, sample, pair_kinds)))
                if len(pending) >= window:
                    first, future = pending.popleft()
                    yield first, *future.result()
            for waiting, future in pending:
                yield waiting, *future.result()
        finally:
            # On Ctrl-C what is queued is dropped instead of decoded.
            pool.shutdown(cancel_futures=True)


def check(sample: Sample, pair_kinds: bool = False) -> Checked:
    """What is wrong with one sample, and its measures where it can be loaded."""
    parts = load_parts(sample)
    if parts.loaded is None:
        return [Problem(error.reason, sample.id, error.message) for error in parts.errors()], None
    loaded = parts.loaded
    height, width = loaded.mask.shape
    resized = [note for note in loaded.notes if " resized from " in note]
    found = classify_pair(loaded.aligned.original, loaded.edited) if pair_kinds and loaded.aligned else None
    measured = Measured(
        scope=sample.scope,
        size=(width, height),
        area=float(loaded.mask.mean()),
        outside=loaded.outside_difference(),
        conversions=tuple(note for note in loaded.notes if note not in resized),
        kind="" if found is None else found.kind.value,
    )
    problems = [Problem(Finding.RESIZED, sample.id, f"{note} to {width} x {height}") for note in resized]
    if found is not None and found.kind != PairKind.SPG:
        problems.append(Problem(Finding.NOT_ALIGNED, sample.id, found.told))
    return problems + problems_of_content(loaded, measured.area), measured


def problems_of_content(loaded: LoadedSample, area: float) -> list[Problem]:
    """Masks that mark nothing, everything, or what the scope denies; edits that changed nothing.

    An empty mask is what authentic samples have, a full one what whole-image samples have: no problem there.
    """
    name, scope = loaded.sample.id, loaded.sample.scope
    problems = []
    if scope == "local" and area == 0:
        problems.append(Problem(Finding.EMPTY_MASK, name, "the mask marks no pixel"))
    if scope == "local" and area == 1:
        problems.append(Problem(Finding.FULL_MASK, name, "the mask marks every pixel"))
    if (scope == "authentic" and area > 0) or (scope == "whole-image" and area < 1):
        message = f"the sample is {scope}, but its mask marks {100 * area:.1f} %"
        problems.append(Problem(Finding.CONTRARY_MASK, name, message))
    same = "original" in loaded.files and loaded.files["original"] == loaded.files["edited"]
    if scope != "authentic" and same:
        problems.append(Problem(Finding.UNCHANGED, name, "original and edited are the same file, byte for byte"))
    return problems


def problems_of_count(found: Verification) -> list[Problem]:
    """A set without samples, or with more than were published."""
    if not found.samples:
        return [Problem(Finding.NO_SAMPLES, found.dataset, "the folder holds no sample")]
    if found.completeness == "more":
        return [Problem(Finding.MORE_THAN_PUBLISHED, found.dataset, found.count_text())]
    return []
