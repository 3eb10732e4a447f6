"""From a sample to outcomes: decode, perturb, annotate, count. What fails is recorded, with its reason."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imlbench.counting import Truth
from imlbench.errors import Reason, SampleError
from imlbench.jobs import Job, describe
from imlbench.loading import LoadedSample, load
from imlbench.results.records import Known, Outcome, SampleFacts, Status
from imlbench.samples import Pair, Sample
from imlbench.score_maps import checked_map

if TYPE_CHECKING:
    from imlbench.perturb import Condition
    from imlbench.samples import ScoreMap

MapSink = Callable[[Job, str, "ScoreMap"], None]

SKIPS = (Reason.NO_ORIGINAL, Reason.NO_INSTRUCTION)
"""Reasons for which a sample does not apply to an adapter; everything else is a failure."""


@dataclass(frozen=True, slots=True)
class Task:
    """A sample and the jobs that still want it.

    Attributes:
        sample: not decoded yet.
        signature: of its files and texts; empty = not looked up yet.
        jobs: jobs with what the results file already holds, whose files may have changed since; None = nothing.
    """

    sample: Sample
    signature: str
    jobs: Sequence[tuple[Job, Known | None]]


@dataclass(slots=True)
class Waiting:
    """A pair that waits for its job's batch."""

    job: Job
    pair: Pair
    truth: Truth
    facts: SampleFacts
    signature: str


@dataclass(slots=True)
class Processed:
    """What came of a task.

    Attributes:
        outcomes: finished ones.
        waiting: pairs for adapters that work in batches.
        unchanged: jobs whose stored outcome still holds, since only the files' times had changed, and that outcome.
        sample_id: of the sample.
        signature: of its files and texts.
        facts: of the sample.
    """

    sample_id: str
    signature: str
    facts: SampleFacts
    outcomes: list[Outcome] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    unchanged: list[tuple[Job, Known]] = field(default_factory=list)


class Scorer:
    """Turns tasks into outcomes; safe to use from several threads.

    Args:
        dataset: the dataset's label.
        seed: of the perturbations.
        tolerance: of boundary matching, in pixels; None = no boundaries.
        keep_map: receives every valid score map, or None.
    """

    def __init__(self, dataset: str, seed: int, tolerance: int | None, keep_map: MapSink | None) -> None:
        self.dataset = dataset
        self.seed = seed
        self.tolerance = tolerance
        self.keep_map = keep_map
        self.stop = threading.Event()

    def process_all(self, tasks: Sequence[Task]) -> list[Processed]:
        """`process` for several tasks."""
        return [self.process(task) for task in tasks]

    def process(self, task: Task) -> Processed:
        """Decode a sample once and serve every job that wants it."""
        result = Processed(task.sample.id, task.signature or signature_of(task.sample), self.bare_facts(task.sample))
        if self.stop.is_set():
            return result
        try:
            loaded = load(task.sample)
        except Exception as error:
            # Whatever a decoder or a file system throws is this sample's failure, not the run's.
            if not isinstance(error, SampleError):
                error = SampleError(Reason.UNREADABLE, f"{task.sample.id}: {describe(error)}")
            result.outcomes = [self.failure(job, result.facts, result.signature, error) for job, _ in task.jobs]
            return result
        truth = Truth(loaded.mask, self.tolerance, loaded.box)
        facts = result.facts = self.facts(loaded, truth.edited)
        jobs: list[Job] = []
        for job, known in task.jobs:
            if known is not None and known.content == facts.content and same_texts(job, known, result.signature):
                result.unchanged.append((job, known))
            else:
                jobs.append(job)
        groups: dict[int, list[Job]] = {}
        for job in jobs:
            # By identity, which is quicker than equality: the jobs of a condition hold the same object.
            groups.setdefault(id(job.condition), []).append(job)
        for group in groups.values():
            self._process_condition(group, loaded, truth, facts, result)
            # A sweep must not hold the maps of all its conditions at once.
            truth.forget_maps()
        return result

    def _process_condition(
        self, jobs: Sequence[Job], loaded: LoadedSample, truth: Truth, facts: SampleFacts, result: Processed
    ) -> None:
        """Serve the jobs of one condition with one perturbed pair."""
        try:
            pair = perturbed(loaded.pair(), jobs[0].condition, self.seed)
        except Exception as error:
            # A perturbation may refuse an image by any exception, as JPEG's does above 65,500 pixels a side.
            if not isinstance(error, SampleError):
                where = f"{jobs[0].condition.name} at severity {jobs[0].condition.severity:g}"
                error = SampleError(Reason.ADAPTER_ERROR, f"{where}: {describe(error)}")
            result.outcomes += [self.failure(job, facts, result.signature, error) for job in jobs]
            return
        for job in jobs:
            waiting = Waiting(job, pair, truth, facts, result.signature)
            if job.card.needs_instruction and not pair.instruction:
                missing = SampleError(Reason.NO_INSTRUCTION, f"{pair.id}: {job.card.name} needs an instruction")
                result.outcomes.append(self.failure(job, facts, result.signature, missing))
            elif job.card.batched:
                result.waiting.append(waiting)
            else:
                result.outcomes += self.score([waiting])

    def score(self, batch: Sequence[Waiting]) -> list[Outcome]:
        """Annotate a batch of one job; a batch that fails is repeated pair by pair, to find the guilty one."""
        job = batch[0].job
        # Built outside the guard below: an adapter that cannot be built ends the run, with its own message.
        adapter = job.handle.get()
        started = time.perf_counter()
        try:
            maps = adapter.annotate([waiting.pair for waiting in batch])
            if len(maps) != len(batch):
                raise SampleError(Reason.BAD_MAP, f"{job.card.name}: {len(maps)} maps for {len(batch)} pairs")
        except Exception as error:
            # An adapter may raise anything; the sample is recorded as failed with the reason.
            if len(batch) > 1:
                return [outcome for waiting in batch for outcome in self.score([waiting])]
            return [self.failure(job, batch[0].facts, batch[0].signature, error)]
        seconds = (time.perf_counter() - started) / len(batch)
        return [self._count(waiting, scores, seconds) for waiting, scores in zip(batch, maps, strict=True)]

    def _count(self, waiting: Waiting, scores: Any, seconds: float) -> Outcome:
        """Validate one map, keep it if asked to, count it."""
        job = waiting.job
        try:
            checked, resized = checked_map(scores, waiting.truth.mask.shape, job.card.name)
        except SampleError as error:
            return self.failure(job, waiting.facts, waiting.signature, error)
        if self.keep_map is not None:
            self.keep_map(job, waiting.pair.id, checked)
        counts = waiting.truth.count(checked, job.card.threshold)
        note = f"score map resized from {scores.shape[1]} x {scores.shape[0]}" if resized else ""
        return Outcome(job.run_id, waiting.facts, waiting.signature, "ok", "", note, seconds, counts)

    def failure(self, job: Job, facts: SampleFacts, signature: str, error: Exception) -> Outcome:
        """The record of a sample that has no result."""
        if not isinstance(error, SampleError):
            error = SampleError(Reason.ADAPTER_ERROR, f"{job.card.name}: {describe(error)}")
        status: Status = "skipped" if error.reason in SKIPS else "failed"
        return Outcome(job.run_id, facts, signature, status, error.reason.value, error.message)

    def bare_facts(self, sample: Sample) -> SampleFacts:
        """Facts of a sample that could not be decoded."""
        return SampleFacts(
            self.dataset, sample.id, sample.scope, instruction=sample.instruction, tags=dict(sample.tags)
        )

    def facts(self, loaded: LoadedSample, edited_pixels: int) -> SampleFacts:
        """Facts of a decoded sample."""
        sample = loaded.sample
        height, width = loaded.mask.shape
        return SampleFacts(
            dataset=self.dataset,
            sample_id=sample.id,
            scope=sample.scope,
            content=loaded.content(),
            width=width,
            height=height,
            edited_pixels=edited_pixels,
            outside_difference=loaded.outside_difference(),
            instruction=sample.instruction,
            tags=dict(sample.tags),
            notes=loaded.notes,
            files=loaded.files,
        )


def signature_of(sample: Sample) -> str:
    """Cheap text that changes when a file of the sample changes, what its set says of it, or (after "#") its texts."""
    said = digest((str(sample.mask_rule), sample.scope, sorted(sample.tags.items())))
    texts = digest((sample.instruction, sample.caption))
    return f"{sample.signature()}|{said}#{texts}"


def digest(value: object) -> str:
    """Sixteen hexadecimal digits of a hash of what `value` looks like."""
    return hashlib.sha256(repr(value).encode(errors="backslashreplace")).hexdigest()[:16]


def same_texts(job: Job, known: Known, signature: str) -> bool:
    """Whether the texts that the job's adapter reads are those of the stored outcome."""
    card = job.card
    reads = card.needs_instruction or card.uses_instruction or card.uses_caption
    return not reads or known.signature.partition("#")[2] == signature.partition("#")[2]


def perturbed(pair: Pair, condition: Condition, seed: int) -> Pair:
    """The pair under a condition; the very same object where the condition is clean."""
    if condition.perturbation is None:
        return pair
    original = condition.apply(pair.original, "original", pair.id, seed)
    edited = condition.apply(pair.edited, "edited", pair.id, seed)
    return Pair(pair.id, original, edited, pair.instruction, pair.caption)
