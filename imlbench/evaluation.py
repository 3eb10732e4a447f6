"""The evaluation loop: decode once, serve every adapter and condition, commit batch by batch.

Decoding threads also run the cheap adapters; models run in this thread, in batches. Only a bounded number of decoded
samples exists at a time, so memory does not grow with the dataset. What is stored is never computed again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imlbench.account import Account, Progress, Quiet
from imlbench.authentic import WithOriginals
from imlbench.detection_summaries import summarise_detection
from imlbench.errors import UserError
from imlbench.jobs import Handle, Job, adapter_handles, make_jobs
from imlbench.maps import MapFolder
from imlbench.metrics import METRICS, Conventions
from imlbench.perturb import CLEAN, Condition
from imlbench.provenance import command_line, environment
from imlbench.results.database import database_path
from imlbench.results.reading import ResultReader
from imlbench.results.records import Known, Outcome, Refreshed
from imlbench.results.store import ResultStore
from imlbench.scoring import Processed, Scorer, Task, Waiting, signature_of
from imlbench.serving import ANNOTATORS, SERVICES
from imlbench.settings import Settings, selected

if TYPE_CHECKING:
    import pandas as pd

    from imlbench.adapters import Annotator, Detector
    from imlbench.datasets.base import Dataset
    from imlbench.samples import Sample

    Adapter = str | Annotator | Detector | type[Annotator | Detector]

LOOKUP = 256
"""Samples whose stored results are looked up at once."""
TASKS_AT_ONCE = 4
"""Samples handed to a decoding thread at once: every handing over costs two switches of threads."""
COMMIT_SAMPLES = 64
COMMIT_SECONDS = 2.0
"""A killed run loses at most what came since the last commit."""


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own below the decoding threads, which use all processors already."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


class Evaluation:
    """One evaluation of some jobs on one dataset.

    Args:
        dataset: an opened dataset.
        jobs: all on that dataset, and all of annotators or all of detectors.
        settings: how to do it.
        progress: receives news.
    """

    def __init__(
        self, dataset: Dataset, jobs: Sequence[Job], settings: Settings, progress: Progress | None = None
    ) -> None:
        self.dataset = dataset
        self.jobs = list(jobs)
        self._open = self.jobs
        self.settings = settings
        self.progress = progress or Quiet()
        self.account = Account()
        keep_map = MapFolder(settings.out / "maps") if settings.save_maps else None
        kinds = {job.run.kind for job in self.jobs} or {ANNOTATORS.kind}
        if len(kinds) > 1:
            raise ValueError("annotators and detectors are served by evaluations of their own")
        self.kind: str = kinds.pop()
        self.scorer = Scorer(dataset.label, settings.seed, settings.boundary, keep_map, SERVICES[self.kind])
        self._buffer: list[Outcome] = []
        self._refreshed: list[Refreshed] = []
        self._finished = 0
        self._committed = time.monotonic()
        self._batches: dict[Job, list[Waiting]] = {}

    def run(self) -> Account:
        """Compute what is missing and store it.

        Raises:
            UserError: an adapter cannot be built, or the results cannot be written; what was committed stays.
        """
        total, samples = selected(self.dataset, self.settings)
        with ResultStore(self.settings.out) as store:
            for job in self.jobs:
                store.add_run(job.run)
            self._drop_untouchable(store)
            invocation = store.begin_invocation(self._provenance())
            self.progress.start(total)
            try:
                with single_threaded_opencv():
                    self._loop(store, invocation, samples)
            except KeyboardInterrupt:
                self.account.interrupted = True
            finally:
                self._commit(store, invocation)
            if not self.account.interrupted:
                self._summarise(store)
                store.finish_invocation(invocation)
        return self.account

    def plan(self) -> dict[str, int]:
        """Number of samples that `run` would compute, by run id; nothing is written."""
        missing = dict.fromkeys((job.run_id for job in self.jobs), 0)
        total, samples = selected(self.dataset, self.settings)
        if not database_path(self.settings.out).exists():
            return dict.fromkeys(missing, total)
        self.account, progress = Account(), self.progress
        self.progress = Quiet()
        with ResultStore(self.settings.out) as store:
            self._drop_untouchable(store)
            for task in self._tasks(store, samples):
                missing.update({job.run_id: missing[job.run_id] + 1 for job, _ in task.jobs})
        self.account, self.progress = Account(), progress
        return missing

    def _drop_untouchable(self, store: ResultStore) -> None:
        """Under overwrite = never, leave the jobs alone that hold any result."""
        if self.settings.overwrite == "never":
            self._open = [job for job in self.jobs if not store.has_results(job.run_id)]

    def _provenance(self) -> dict[str, Any]:
        """What is stored of this execution."""
        options = {name: str(getattr(self.settings, name)) for name in ("limit", "overwrite", "boundary")}
        devices = {job.card.name: job.handle.device if job.card.accelerated else "cpu" for job in self.jobs}
        return {
            **environment(),
            "command": command_line(),
            "dataset": self.dataset.label,
            "root": self.dataset.root,
            "devices": devices,
            "score_map_dtypes": "float32, uint8 or bool, as each adapter returns them; counts are int64",
            "batch_size": self.settings.batch_size,
            "workers": self.settings.workers,
            "seed": self.settings.seed,
            **options,
        }

    def _tasks(self, store: ResultStore, samples: Iterator[Sample]) -> Iterator[Task]:
        """Samples with the jobs that still want them; those that nobody wants are counted as done."""
        run_ids = [job.run_id for job in self._open]
        while block := list(islice(samples, LOOKUP)):
            known = store.known(run_ids, [sample.id for sample in block])
            for sample in block:
                self.account.samples += 1
                task = self._task(sample, known)
                if task.jobs:
                    yield task
                else:
                    self.progress.advance(1, 0)

    def _task(self, sample: Sample, known: dict[tuple[str, str], Known]) -> Task:
        """The jobs that want a sample."""
        results = [known.get((job.run_id, sample.id)) for job in self._open]
        # Looking at the files is left to the decoding threads where there is nothing to compare with.
        signature = signature_of(sample) if any(results) else ""
        wanted: list[tuple[Job, Known | None]] = []
        for job, stored in zip(self._open, results, strict=True):
            if stored is None or not self._holds(stored):
                wanted.append((job, None))
            elif stored.signature != signature:
                wanted.append((job, stored))
            else:
                self.account.add(job.run_id, stored.status, stored.reason, new=False)
        return Task(sample, signature, wanted)

    def _holds(self, stored: Known) -> bool:
        """Whether a stored outcome is a result under the settings. A failure is none: it is tried again."""
        if self.settings.overwrite == "always" or stored.status == "failed":
            return False
        needs_boundary = self.settings.boundary is not None and stored.status == "ok"
        return not needs_boundary or stored.boundary_tolerance == self.settings.boundary

    def _loop(self, store: ResultStore, invocation: int, samples: Iterator[Sample]) -> None:
        """Keep the decoding threads busy and store what they bring, in the order of the samples."""
        # A sample waits for a batched model once under each condition, so that fewer of them may wait. Where none does,
        # only counts are kept, and the threads may go far ahead of a commit that the disk holds up.
        waiting = len({job.condition for job in self._open if job.card.batched})
        ahead = 2 * self.settings.workers // waiting if waiting else 8 * self.settings.workers
        window = max(2, ahead)
        at_once = TASKS_AT_ONCE if waiting <= 1 else 1
        pending: deque[Future[list[Processed]]] = deque()
        with ThreadPoolExecutor(self.settings.workers, thread_name_prefix="decode") as pool:
            try:
                tasks = self._tasks(store, samples)
                while group := list(islice(tasks, at_once)):
                    pending.append(pool.submit(self.scorer.process_all, group))
                    if len(pending) >= window:
                        self._take_all(pending.popleft().result(), store, invocation)
                while pending:
                    self._take_all(pending.popleft().result(), store, invocation)
                if failed := sum(self._run_batch(*waiting) for waiting in self._batches.items()):
                    self.progress.advance(0, failed)
            finally:
                # On Ctrl-C or an error the tasks that are queued return at once instead of being computed.
                self.scorer.stop.set()
                pool.shutdown(cancel_futures=True)

    def _take_all(self, group: Sequence[Processed], store: ResultStore, invocation: int) -> None:
        """Take over what a decoding thread brought."""
        for processed in group:
            self._take(processed, store, invocation)

    def _take(self, processed: Processed, store: ResultStore, invocation: int) -> None:
        """Take over what came of one sample; run batches that are full; commit now and then."""
        for job, known in processed.unchanged:
            self._refreshed.append(Refreshed(job.run_id, processed.facts, processed.signature))
            self.account.add(job.run_id, known.status, known.reason, new=False)
        failed = self._add(processed.outcomes)
        for job, waiting in processed.waiting:
            batch = self._batches.setdefault(job, [])
            batch.append(waiting)
            if len(batch) >= self.settings.batch_size:
                failed += self._run_batch(job, batch)
        self._finished += 1
        self.progress.advance(1, failed)
        if self._finished >= COMMIT_SAMPLES or time.monotonic() - self._committed > COMMIT_SECONDS:
            self._commit(store, invocation)

    def _run_batch(self, job: Job, batch: list[Waiting]) -> int:
        """Score a job's batch, empty it, return the number of failures."""
        failed = self._add(self.scorer.score(job, batch)) if batch else 0
        batch.clear()
        return failed

    def _add(self, outcomes: Sequence[Outcome]) -> int:
        """Buffer outcomes for the next commit; returns the number of failures."""
        self._buffer += outcomes
        for outcome in outcomes:
            self.account.add(outcome.run_id, outcome.status, outcome.reason, new=True)
        return sum(outcome.status == "failed" for outcome in outcomes)

    def _commit(self, store: ResultStore, invocation: int) -> None:
        """Write the buffer to disk."""
        if self._buffer:
            store.write(self._buffer, invocation)
        if self._refreshed:
            store.refresh(self._refreshed)
        self._buffer, self._refreshed = [], []
        self._finished = 0
        self._committed = time.monotonic()

    def _summarise(self, store: ResultStore) -> None:
        """Store the means of the runs that lack them: those that changed, or that a killed command left."""
        conventions = Conventions()
        with ResultReader(self.settings.out) as reader:
            stale = [run_id for run_id in self.account.tally if not reader.stored_summaries(run_id, conventions)]
            summaries = reader.summarise_runs(stale, list(METRICS), conventions, seed=self.settings.seed)
            for run_id in stale if self.kind == "detector" else ():
                summaries[run_id] |= summarise_detection(reader, run_id, self.settings.seed)
            for run_id in stale:
                store.write_summaries(run_id, conventions, summaries[run_id], self.settings.seed)


def evaluate(
    dataset: str | Dataset,
    annotators: Adapter | Sequence[Adapter],
    *,
    kind: Literal["annotator", "detector"] = "annotator",
    originals: bool = False,
    data_root: str | Path | None = None,
    out: str | Path = "results",
    device: str = "auto",
    conditions: Sequence[Condition] = (CLEAN,),
    progress: Progress | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Score annotators, or detectors, on a dataset; only what the results file lacks is computed.

    Args:
        dataset: a registered name, "name:variant", or an opened dataset.
        annotators: registered names, globs ("pixdiff-*"), classes or objects; one or several. Detectors, likewise.
        kind: what they are.
        originals: for detectors: the set's originals are judged too, as authentic images.
        data_root: the dataset's folder; None = environment variable or config file.
        out: the results folder.
        device: "auto", "cpu", "cuda", ...
        conditions: perturbations to apply; clean only by default.
        progress: receives news.
        settings: any field of `Settings`: workers, batch_size, seed, overwrite, limit, sample_ids, save_maps, boundary.

    Returns:
        One row per annotator and scored sample that was asked for: facts, counts, every metric, tags. `attrs` holds
        "results" (the file), "failed" and "skipped" (outcomes without a score, by reason).

    Raises:
        UserError: unknown names, a missing root, results that cannot be written.
    """
    from imlbench.datasets.opening import open_dataset

    opened = open_dataset(dataset, data_root) if isinstance(dataset, str) else dataset
    chosen = Settings(out=Path(out), **settings)
    if originals and kind == "annotator":
        raise UserError("originals as authentic images are for detectors: an annotator compares two images")
    opened = WithOriginals(opened) if originals else opened
    asked = [annotators] if isinstance(annotators, (str, type)) or hasattr(annotators, "card") else annotators
    handles = adapter_handles(f"{kind}s", list(asked), device, chosen.seed)  # type: ignore[arg-type]
    jobs = make_jobs(resolve_devices(handles), opened, conditions, chosen.seed, kind)
    account = Evaluation(opened, jobs, chosen, progress).run()
    if account.interrupted:
        raise KeyboardInterrupt
    with ResultReader(out) as reader:
        frame = reader.frame([job.run_id for job in jobs])
    if chosen.limit is not None or chosen.sample_ids:
        asked_for = {sample.id for sample in selected(opened, chosen)[1]}
        frame = frame[frame["sample_id"].isin(asked_for)].reset_index(drop=True)
    frame.attrs = {name: account.reasons(name) for name in ("failed", "skipped")} | {"results": str(reader.path)}
    return frame


def resolve_devices(handles: Sequence[Handle]) -> Sequence[Handle]:
    """Replace "auto" by the device that is there; torch is imported only if an adapter can use one."""
    for handle in handles:
        if handle.device == "auto":
            handle.device = best_device() if handle.card.accelerated else "cpu"
    return handles


def best_device() -> str:
    """The GPU where there is one, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
