"""The contracts that annotators and detectors fulfil. First-party and third-party ones alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from imlbench.cards import AdapterCard

if TYPE_CHECKING:
    from imlbench.samples import Image, Pair, ScoreMap


class Annotator(ABC):
    """Says which pixels of an edited image were edited, given the original.

    A subclass declares `card`, imports what is heavy in `__init__` or later, and is registered with one
    line under `[project.entry-points."imlbench.annotators"]`.

    Args:
        device: "cpu", "cuda", "cuda:1"; meaningful only where the card says `accelerated`.
        seed: meaningful only where the card says `seeded`.
    """

    card: ClassVar[AdapterCard]

    def __init__(self, device: str = "cpu", seed: int = 0) -> None:
        self.device = device
        self.seed = seed

    @classmethod
    def missing(cls) -> str:
        """What keeps the adapter from running on this machine and what to do, on one line; empty = nothing is seen.

        Cheap: `imlbench list` asks. Where a pattern such as "*" stands for several annotators, those that something
        is missing of are left out, and it is said so.
        """
        return ""

    @abstractmethod
    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        """One score map per pair, in order.

        Args:
            pairs: one or more pairs, of different sizes possibly. Their arrays are read-only.

        Returns:
            Per pair an H x W array at the edited image's size: float32 in [0, 1], or uint8 levels
            (k stands for k / 255), or bool. Higher means more likely edited.
        """


class Detection(NamedTuple):
    """What a detector says of one image.

    Attributes:
        score_map: H x W, as an annotator's.
        image_score: probability that the image is manipulated, or None where the detector has none.
    """

    score_map: ScoreMap
    image_score: float | None = None


class Detector(ABC):
    """Says which pixels of an image were manipulated, from that image alone."""

    card: ClassVar[AdapterCard]

    def __init__(self, device: str = "cpu", seed: int = 0) -> None:
        self.device = device
        self.seed = seed

    @abstractmethod
    def detect(self, images: Sequence[Image]) -> list[Detection]:
        """One detection per image, in order.

        Args:
            images: H x W x 3, uint8, RGB, of different sizes possibly, read-only.
        """


def missing(factory: Any) -> str:
    """What an adapter says is missing here; nothing where it does not say."""
    asked = getattr(factory, "missing", None)
    return str(asked()) if callable(asked) else ""
