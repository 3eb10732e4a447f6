"""Jobs: an adapter on a dataset under a condition, and the identity that makes two of them the same run."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from imlbench import registry
from imlbench.adapters import Annotator, Detector, DetectorCard, missing
from imlbench.cards import AdapterCard
from imlbench.errors import UserError, one_line
from imlbench.metrics import METRIC_VERSION
from imlbench.perturb import Condition
from imlbench.provenance import PROTOCOL_VERSION
from imlbench.results.records import Run

if TYPE_CHECKING:
    from imlbench.datasets.base import Dataset

AdapterKind = Literal["annotators", "detectors"]
"""As entry points are grouped."""
METHODS: dict[AdapterKind, str] = {"annotators": "annotate", "detectors": "detect"}


@dataclass(eq=False)
class Handle:
    """An adapter that is built when it is first needed: a finished run must not load a model.

    Attributes:
        card: the adapter's card.
        factory: the class, or any callable that takes `device` and `seed`.
        device: passed on.
        seed: passed on.
    """

    card: AdapterCard
    factory: Any
    device: str
    seed: int
    _instance: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self) -> Any:
        """The adapter.

        Raises:
            UserError: it cannot be built; the message is its own, on one line.
        """
        # Looked at without the lock first: decoding threads ask for every sample.
        if self._instance is None:
            with self._lock:
                if self._instance is None:
                    self._instance = self._build()
        return self._instance

    def _build(self) -> Any:
        """A new adapter."""
        try:
            return self.factory(device=self.device, seed=self.seed)
        except UserError:
            raise
        except Exception as error:
            # A third party's constructor may raise anything; no sample can be scored without it.
            raise UserError(f"{self.card.name} cannot be built: {one_line(describe(error))}") from error


def describe(error: BaseException) -> str:
    """Type and message of an exception."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def annotator_handles(annotators: Sequence[str | Annotator | type[Annotator]], device: str, seed: int) -> list[Handle]:
    """Handles of annotators given by registered name, by glob, as a class or as an object.

    Raises:
        UserError: unknown name, a clash of names, or something registered that is no annotator.
    """
    return adapter_handles("annotators", annotators, device, seed)


def detector_handles(detectors: Sequence[str | Detector | type[Detector]], device: str, seed: int) -> list[Handle]:
    """Handles of detectors, as `annotator_handles` of annotators.

    Raises:
        UserError: unknown name, a clash of names, or something registered that is no detector.
    """
    return adapter_handles("detectors", detectors, device, seed)


def adapter_handles(kind: AdapterKind, adapters: Sequence[Any], device: str, seed: int) -> list[Handle]:
    """Handles of adapters of one kind.

    Raises:
        UserError: unknown name, a clash of names, or something that is no adapter of this kind.
    """
    handles: dict[str, Handle] = {}
    for adapter in adapters:
        factories = named_adapters(adapter, kind) if isinstance(adapter, str) else [adapter]
        for factory in factories:
            check_kind(factory, kind)
            handle = Handle(factory.card, factory, device, seed)
            if isinstance(factory, (Annotator, Detector)):
                handle._instance = factory
            known = handles.setdefault(handle.card.name, handle)
            if known.factory is not factory:
                name = handle.card.name
                raise UserError(f"two {kind} are named {name}: results are kept by name, give one another card")
    return list(handles.values())


def check_kind(factory: Any, kind: AdapterKind) -> None:
    """Refuse an adapter of the other kind, and a detector without a detector's card.

    Raises:
        UserError: it is one.
    """
    name = factory.card.name
    if isinstance(factory, type) and not hasattr(factory, METHODS[kind]):
        article = "an annotator" if kind == "annotators" else "a detector"
        raise UserError(f"{name}: not {article}: it has no method {METHODS[kind]}")
    if kind == "detectors" and not isinstance(factory.card, DetectorCard):
        raise UserError(f"{name}: expected a DetectorCard as `card`, found {type(factory.card).__name__}")


def named_adapters(name: str, kind: AdapterKind = "annotators") -> list[Any]:
    """The registered adapters of a name; of a pattern, those that can run here, with a warning for each other one.

    Raises:
        UserError: unknown, or none that the pattern stands for can run here.
    """
    factories = {entry.name: load_adapter(entry) for entry in registry.match(kind, [name])}
    if not registry.is_pattern(name):
        return list(factories.values())
    reasons = {key: reason for key, factory in factories.items() if (reason := missing(factory))}
    if len(reasons) == len(factories):
        raise UserError(f"nothing that {name!r} stands for can run here: {next(iter(reasons.values()))}")
    for key, reason in reasons.items():
        logging.getLogger(__name__).warning("%s left out of %r: %s", key, name, one_line(reason, 300))
    return [factory for key, factory in factories.items() if key not in reasons]


def load_adapter(entry: registry.Entry) -> Any:
    """The registered class.

    Raises:
        UserError: it cannot be loaded, or has no card.
    """
    factory = entry.load()
    if not isinstance(getattr(factory, "card", None), AdapterCard):
        owner = f"{entry.name} (registered by {entry.package} as {entry.target})"
        raise UserError(f"{owner}: expected a class with an AdapterCard as `card`, found {type(factory).__name__}")
    return factory


@dataclass(eq=False)
class Job:
    """One cell of the grid adapter x dataset x condition.

    Attributes:
        handle: the adapter.
        run: what the results file calls this job.
        condition: what befalls the images.
    """

    handle: Handle
    run: Run
    condition: Condition

    @cached_property
    def card(self) -> AdapterCard:
        """The adapter's card."""
        return self.handle.card

    @cached_property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.run_id


def make_jobs(
    handles: Iterable[Handle],
    dataset: Dataset,
    conditions: Sequence[Condition],
    seed: int,
    kind: Literal["annotator", "detector"] = "annotator",
) -> list[Job]:
    """The grid of jobs of one kind, ordered by condition, then adapter; each run once."""
    handles = list(handles)
    if kind == "detector":
        # It sees one image: whether the other one is perturbed too is no difference.
        alone = {condition: replace(condition, target="edited") for condition in conditions}
        conditions = [alone[condition] for condition in conditions]
    jobs = (
        Job(handle, make_run(kind, handle.card, dataset, condition, seed), condition)
        for condition in conditions
        for handle in handles
    )
    # A condition that is asked for twice is one run all the same.
    return list({job.run_id: job for job in jobs}.values())


def make_run(kind: str, card: AdapterCard, dataset: Dataset, condition: Condition, seed: int) -> Run:
    """The record of a job. Its identity names everything that decides the numbers, and nothing else.

    The seed takes part only where it matters, so that another seed does not redo what would come out the same. The
    dataset takes part by name: the content of each sample is compared when it is met.

    Raises:
        UserError: the condition's perturbation lacks a weight file.
    """
    identity = {
        "kind": kind,
        "adapter": card.name,
        "adapter_version": card.version,
        "weights": sorted(weight.sha256 for weight in card.weights),
        "threshold": card.threshold,
        "dataset": dataset.label,
        "dataset_version": dataset.card.version,
        "perturbation": condition.name,
        "severity": condition.severity,
        "target": condition.target if condition.perturbation else "",
        "seed": seed if card.seeded or condition.seeded else None,
        "metric_version": METRIC_VERSION,
        "protocol_version": PROTOCOL_VERSION,
        **condition.identity(),
    }
    if isinstance(card, DetectorCard):
        identity["preprocessing"] = card.preprocessing
    default_variant = dataset.variant == dataset.card.default_variant
    return Run(
        kind=kind,
        adapter=card.name,
        adapter_title=card.title,
        dataset=dataset.label,
        dataset_title=dataset.title,
        paper_dataset=dataset.card.paper_title if default_variant else "",
        perturbation=condition.name,
        severity=condition.severity,
        target=condition.target,
        threshold=card.threshold,
        soft=card.soft,
        identity=json.dumps(identity, sort_keys=True),
        card=json.dumps(asdict(card), sort_keys=True),
    )
