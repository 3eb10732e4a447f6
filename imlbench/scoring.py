"""From a sample to outcomes: decode, perturb, ask, count. What fails is recorded, with its reason."""

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
from imlbench.results.records import Known, Outcome, SampleFacts, Status
from imlbench.samples import Sample
from imlbench.score_maps import checked_map
from imlbench.serving import ANNOTATORS, DETECTORS, Said, Service, largest_score, said
from imlbench.serving import perturbed as perturbed

if TYPE_CHECKING:
    from imlbench.loading import LoadedSample
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
    """What waits to be scored, a pair or a picture, with what its outcomes need."""

    given: Any
    truth: Truth
    facts: SampleFacts
    signature: str


@dataclass(slots=True)
class Processed:
    """What came of a task.

    Attributes:
        outcomes: finished ones.
        waiting: jobs whose adapters work in batches, with what they are to be given.
        unchanged: jobs whose stored outcome still holds, since only the files' times had changed, and that outcome.
        sample_id: of the sample.
        signature: of its files and texts.
        facts: of the sample.
    """

    sample_id: str
    signature: str
    facts: SampleFacts
    outcomes: list[Outcome] = field(default_factory=list)
    waiting: list[tuple[Job, Waiting]] = field(default_factory=list)
    unchanged: list[tuple[Job, Known]] = field(default_factory=list)


class Scorer:
    """Turns tasks into outcomes; safe to use from several threads.

    Args:
        dataset: the dataset's label.
        seed: of the perturbations.
        tolerance: of boundary matching, in pixels; None = no boundaries.
        keep_map: receives every valid score map, or None.
        service: how the adapters of the jobs, all of one kind, are served.
    """

    def __init__(
        self,
        dataset: str,
        seed: int,
        tolerance: int | None,
        keep_map: MapSink | None,
        service: Service = ANNOTATORS,
    ) -> None:
        self.dataset = dataset
        self.seed = seed
        self.tolerance = tolerance
        self.keep_map = keep_map
        self.service = service
        self.stop = threading.Event()

    def process_all(self, tasks: Sequence[Task]) -> list[Processed]:
        """`process` for several tasks."""
        return [self.process(task) for task in tasks]

    def process(self, task: Task) -> Processed:
        """Decode a sample once and serve every job that wants it."""
        sample = task.sample
        signature = task.signature or signature_of(sample)
        if self.stop.is_set():
            return Processed(sample.id, signature, self.bare_facts(sample))
        try:
            loaded = self.service.load(sample)
        except Exception as error:
            # Whatever a decoder or a file system throws is this sample's failure, not the run's.
            if not isinstance(error, SampleError):
                error = SampleError(Reason.UNREADABLE, f"{sample.id}: {describe(error)}")
            facts = self.bare_facts(sample)
            return Processed(
                sample.id, signature, facts, [self.failure(job, facts, signature, error) for job, _ in task.jobs]
            )
        truth = Truth(loaded.mask, self.tolerance, loaded.box)
        result = Processed(sample.id, signature, self.facts(loaded, truth.edited))
        for group in self._by_condition(task, result):
            self._process_condition(group, loaded, truth, result)
            # A sweep must not hold the maps of all its conditions at once.
            truth.forget_maps()
        return result

    def _by_condition(self, task: Task, result: Processed) -> list[list[Job]]:
        """The task's jobs in groups of one condition, without those whose stored outcome still holds."""
        groups: list[list[Job]] = []
        condition = None
        for job, known in task.jobs:
            if known is not None and known.content == result.facts.content and same_texts(job, known, result.signature):
                result.unchanged.append((job, known))
                continue
            # Jobs are ordered by condition, and those of one hold the same object.
            if job.condition is not condition:
                condition = job.condition
                groups.append([])
            groups[-1].append(job)
        return groups

    def _process_condition(self, jobs: Sequence[Job], loaded: LoadedSample, truth: Truth, result: Processed) -> None:
        """Serve the jobs of one condition with one perturbed pair or picture."""
        facts, signature = result.facts, result.signature
        try:
            given = self.service.perturbed(self.service.given(loaded), jobs[0].condition, self.seed)
        except Exception as error:
            # A perturbation may refuse an image by any exception, as JPEG's does above 65,500 pixels a side.
            if not isinstance(error, SampleError):
                where = f"{jobs[0].condition.name} at severity {jobs[0].condition.severity:g}"
                error = SampleError(Reason.ADAPTER_ERROR, f"{where}: {describe(error)}")
            result.outcomes += [self.failure(job, facts, signature, error) for job in jobs]
            return
        waiting = Waiting(given, truth, facts, signature)
        for job in jobs:
            card = job.card
            if card.needs_instruction and not loaded.sample.instruction:
                missing = SampleError(Reason.NO_INSTRUCTION, f"{given.id}: {card.name} needs an instruction")
                result.outcomes.append(self.failure(job, facts, signature, missing))
            elif card.batched:
                result.waiting.append((job, waiting))
            else:
                result.outcomes.append(self.score_one(job, waiting))

    def score(self, job: Job, batch: Sequence[Waiting]) -> list[Outcome]:
        """Score a batch of one job; a batch that fails is repeated one by one, to find the guilty one."""
        if len(batch) == 1:
            return [self.score_one(job, batch[0])]
        # Built outside the guard below: an adapter that cannot be built ends the run, with its own message.
        adapter = job.handle.get()
        started = time.perf_counter()
        try:
            answers = self.service.ask(adapter, [waiting.given for waiting in batch])
            if len(answers) != len(batch):
                raise SampleError(Reason.BAD_MAP, f"{job.card.name}: {len(answers)} maps for {len(batch)} inputs")
        except Exception:
            # An adapter may raise anything.
            return [self.score_one(job, waiting) for waiting in batch]
        seconds = (time.perf_counter() - started) / len(batch)
        return [self._count(job, waiting, answer, seconds) for waiting, answer in zip(batch, answers, strict=True)]

    def score_one(self, job: Job, waiting: Waiting) -> Outcome:
        """Score one pair or picture; whatever the adapter raises is recorded as the sample's failure."""
        adapter = job.handle.get()
        started = time.perf_counter()
        try:
            answers = self.service.ask(adapter, [waiting.given])
            if len(answers) != 1:
                raise SampleError(Reason.BAD_MAP, f"{job.card.name}: {len(answers)} maps for 1 input")
            (answer,) = answers
        except Exception as error:
            return self.failure(job, waiting.facts, waiting.signature, error)
        return self._count(job, waiting, answer, time.perf_counter() - started)

    def _count(self, job: Job, waiting: Waiting, answer: Any, seconds: float) -> Outcome:
        """The outcome of one answer, whatever it is."""
        if self.service is not DETECTORS:
            return self._count_map(job, waiting, answer, seconds)
        try:
            found = said(answer, job.card.name)
        except Exception as error:
            # A third party's answer may hold anything.
            return self.failure(job, waiting.facts, waiting.signature, error)
        return self._count_map(job, waiting, found.scores, seconds, found)

    def _count_map(self, job: Job, waiting: Waiting, scores: Any, seconds: float, found: Said | None = None) -> Outcome:
        """Validate one map, keep it if asked to, count it; `found` is what a detector said beside it."""
        truth, threshold, note = waiting.truth, job.card.threshold, ""
        counts = truth.count_again(scores, threshold)
        if counts is None:
            given = scores
            try:
                scores, resized = checked_map(given, truth.mask.shape, job.card.name)
            except SampleError as error:
                return self.failure(job, waiting.facts, waiting.signature, error)
            counts = truth.count(scores, threshold)
            note = f"score map resized from {given.shape[1]} x {given.shape[0]}" if resized else ""
        if self.keep_map is not None:
            self.keep_map(job, waiting.given.id, scores)
        score = None
        if found is not None:
            note = "; ".join(filter(None, (note, *found.notes)))
            score = largest_score(scores) if found.image_score is None else found.image_score
        return Outcome(job.run_id, waiting.facts, waiting.signature, "ok", "", note, seconds, counts, score)

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
