"""The adapter under test: how the checks build it, call it, and read what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imlbench.adapters import Annotator, Detection, Detector, Picture
from imlbench.conformance.guard import Record, watch
from imlbench.conformance.inputs import STANDARD, make_pair, picture_of
from imlbench.conformance.outcomes import CheckFailedError

if TYPE_CHECKING:
    from imlbench.cards import AdapterCard
    from imlbench.samples import Pair

AdapterKind = Literal["annotators", "detectors"]
ADAPTER_KINDS: tuple[AdapterKind, ...] = ("annotators", "detectors")


class Bench:
    """Builds an annotator or a detector and calls it under the guard.

    Args:
        factory: a class, called with `device` and `seed`, or any other callable, called without arguments.
        kind: what the factory is expected to build.
        name: the registered name, None where the adapter is not registered.
        device: where accelerated adapters are to run.
    """

    def __init__(self, factory: Callable[..., Any], kind: AdapterKind, name: str | None, device: str) -> None:
        self.factory = factory
        self.kind = kind
        self.name = name
        self.device = device
        self.record = Record()
        self.adapter: Any = None
        self._reference: list[Detection] | None = None

    @property
    def takes_seed(self) -> bool:
        """Whether the suite can choose the seed."""
        return inspect.isclass(self.factory)

    @property
    def card(self) -> AdapterCard:
        """The adapter's card."""
        card: AdapterCard = self.adapter.card
        return card

    @property
    def title(self) -> str:
        """The adapter's name for the report, as far as it is known."""
        card = getattr(self.adapter, "card", None) or getattr(self.factory, "card", None)
        return str(self.name or getattr(card, "name", "") or getattr(self.factory, "__name__", self.factory))

    def build(self, seed: int = 0) -> Any:
        """A new adapter. Not guarded: construction may read weights and let libraries fill their caches."""
        return self.factory(device=self.device, seed=seed) if self.takes_seed else self.factory()

    def call(self, pairs: Sequence[Pair], adapter: Any = None) -> Any:
        """What the adapter returns for these pairs, unexamined. A detector sees the edited images, as PNG files."""
        if self.kind == "detectors":
            return self.call_with([picture_of(pair) for pair in pairs], adapter)
        adapter = self.adapter if adapter is None else adapter
        with watch(self.record):
            return adapter.annotate(list(pairs))

    def call_with(self, pictures: Sequence[Picture], adapter: Any = None) -> Any:
        """What a detector returns for these pictures, unexamined."""
        adapter = self.adapter if adapter is None else adapter
        with watch(self.record):
            return adapter.detect(list(pictures))

    def detect(self, pairs: Sequence[Pair], adapter: Any = None) -> list[Detection]:
        """One `Detection` per pair; an annotator's map comes without an image score.

        Raises:
            CheckFailedError: the adapter did not return a list of one array (or `Detection`) per pair.
        """
        return self._detections(self.call(pairs, adapter), len(pairs))

    def detect_pictures(self, pictures: Sequence[Picture]) -> list[Detection]:
        """`detect` for a detector, on pictures.

        Raises:
            CheckFailedError: as for `detect`.
        """
        return self._detections(self.call_with(pictures), len(pictures))

    def _detections(self, returned: object, number: int) -> list[Detection]:
        """A call's results, one per input."""
        if not isinstance(returned, list | tuple):
            raise CheckFailedError(f"expected a list of {number}, found {type(returned).__name__}")
        if len(returned) != number:
            raise CheckFailedError(f"expected {number} results for {number} inputs, found {len(returned)}")
        return [self._detection(value) for value in returned]

    def _detection(self, value: object) -> Detection:
        if self.kind == "annotators":
            value = Detection(value)  # type: ignore[arg-type]
        if not isinstance(value, Detection):
            raise CheckFailedError(f"expected a Detection for each image, found {type(value).__name__}")
        if not isinstance(value.score_map, np.ndarray):
            raise CheckFailedError(f"expected numpy arrays as score maps, found {type(value.score_map).__name__}")
        if not (isinstance(value.notes, tuple) and all(isinstance(note, str) for note in value.notes)):
            raise CheckFailedError(f"expected a tuple of texts as notes, found {value.notes!r}")
        return value

    def reference(self) -> list[Detection]:
        """Copies of what the adapter says of the standard inputs, computed once."""
        if self._reference is None:
            self._reference = copies(self.detect(standard_pairs()))
        return self._reference

    def is_expected_type(self) -> bool:
        """Whether the factory built what its kind promises."""
        return isinstance(self.adapter, Annotator if self.kind == "annotators" else Detector)


def standard_pairs(**changes: Any) -> list[Pair]:
    """Fresh standard inputs: what an adapter cached in a pair must not help it the next time."""
    return [make_pair(size, **changes) for size in STANDARD]


def copies(detections: Sequence[Detection]) -> list[Detection]:
    """The same detections in memory of their own."""
    return [detection._replace(score_map=detection.score_map.copy()) for detection in detections]
