"""The contracts that annotators and detectors fulfil. First-party and third-party ones alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

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


Preprocessing = Literal["own", "official", "benco"]
"""How images are prepared for a network: own = the adapter's one way; official = as the network's authors do;
benco = as IMDL-BenCo does, for checkpoints that were trained under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorCard(AdapterCard):
    """Facts of a detector.

    Attributes:
        preprocessing: the convention of the checkpoint that the card speaks of; part of a run's identity.
        scores_images: whether detections come with an image score of the detector's own.
        reads_files: whether the encoded file takes part in the result, as JPEG coefficients do.
    """

    preprocessing: Preprocessing = "own"
    scores_images: bool = False
    reads_files: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What a detector sees of one image.

    Attributes:
        id: the sample's id, or the image's name.
        pixels: H x W x 3, uint8, RGB, read-only, turned upright.
        data: the encoded file whose decoding gave the pixels; None where there is none, as after a perturbation that
            does not end in an encoded file.
        format: of `data`: JPEG, PNG, WEBP, TIFF, BMP, GIF or PPM; empty without `data`.
        orientation: EXIF's number of the turn that made the pixels of `data` upright; 1 = they lie as in the file.
    """

    id: str
    pixels: Image
    data: bytes | None = None
    format: str = ""
    orientation: int = 1

    @property
    def jpeg(self) -> bytes | None:
        """The encoded JPEG whose pixel grid is that of `pixels`; None where there is no such file."""
        return self.data if self.format == "JPEG" and self.orientation == 1 else None


class Detection(NamedTuple):
    """What a detector says of one image.

    Attributes:
        score_map: H x W at the picture's size: float32 in [0, 1], or uint8 levels (k stands for k / 255), or bool.
            Higher means more likely manipulated.
        image_score: probability that the image is manipulated, in [0, 1]; None where the detector has none of its own.
        notes: what a reader must know of this result, such as "no JPEG: saved at quality 100"; stored with it.
    """

    score_map: ScoreMap
    image_score: float | None = None
    notes: tuple[str, ...] = ()


class Detector(ABC):
    """Says which pixels of an image were manipulated, from that image alone.

    A subclass declares `card`, imports what is heavy in `__init__` or later, and is registered with one line under
    `[project.entry-points."imlbench.detectors"]`. Where the card says `batched`, `detect` is called from one thread
    with whole batches, else from the decoding threads, one image at a time.

    Args:
        device: "cpu", "cuda", "cuda:1"; meaningful only where the card says `accelerated`.
        seed: meaningful only where the card says `seeded`.
    """

    card: ClassVar[DetectorCard]

    def __init__(self, device: str = "cpu", seed: int = 0) -> None:
        self.device = device
        self.seed = seed

    @classmethod
    def missing(cls) -> str:
        """What keeps the detector from running on this machine and what to do, on one line; empty = nothing is seen.

        Cheap: `imlbench list` asks.
        """
        return ""

    @abstractmethod
    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        """One detection per picture, in order.

        Args:
            pictures: one or more, of different sizes possibly.

        Raises:
            SampleError: a picture cannot be judged; where it is one of several, they are asked for one by one.
        """


def missing(factory: Any) -> str:
    """What an adapter says is missing here; nothing where it does not say."""
    asked = getattr(factory, "missing", None)
    return str(asked()) if callable(asked) else ""
