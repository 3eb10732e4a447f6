"""Perturbations: what befalls an image on its way, at a severity. Definitions, not tuning.

Each is a pure function of (image, severity, generator). Noise is drawn from a generator keyed by the run's seed, the
sample and the severity, so that order, resumption and the number of workers never change a pixel.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from imlbench.cards import Card
from imlbench.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from imlbench.samples import Image

Target = Literal["edited", "both"]

IMLBENCH = {"version": "1", "licence": "Apache-2.0", "citation": "imlbench, docs/protocol.md"}


class Perturbation(ABC):
    """A family of degradations, ordered by severity."""

    card: ClassVar[Card]
    severities: ClassVar[tuple[float, ...]]
    """Default severities, from mild to strong; "clean" is not among them."""
    seeded: ClassVar[bool] = False
    """Whether the result depends on the generator."""

    @abstractmethod
    def check(self, severity: float) -> None:
        """Refuse a severity that has no meaning.

        Raises:
            UserError: the severity is out of range.
        """

    @abstractmethod
    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        """The degraded image: H x W x 3, uint8, RGB, of the same size."""


class Jpeg(Perturbation):
    """JPEG compression with 4:2:0 chroma subsampling by OpenCV's encoder; severity is the quality, 1-100."""

    card = Card(name="jpeg", title="JPEG", summary="JPEG compression, 4:2:0; severity = quality, 100 to 1", **IMLBENCH)
    severities = (100, 90, 80, 70, 60, 50)

    def check(self, severity: float) -> None:
        if not (1 <= severity <= 100 and severity == int(severity)):
            raise UserError(f"jpeg: severity is a whole quality from 1 to 100, found {severity:g}")

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        import cv2

        subsampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
        options = [cv2.IMWRITE_JPEG_QUALITY, int(severity), *subsampling]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None
        return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


class Noise(Perturbation):
    """Additive white Gaussian noise; severity is the variance on the 0-255 scale. Rounded, then clipped."""

    card = Card(name="noise", title="Noise", summary="white noise; severity = variance (0-255 scale)", **IMLBENCH)
    severities = (5, 10, 15, 20, 25)
    seeded = True

    def check(self, severity: float) -> None:
        if not 0 < severity <= 255**2:
            raise UserError(f"noise: severity is a variance above 0 and up to 65025, found {severity:g}")

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        import numpy as np

        noise = generator.standard_normal(image.shape, dtype=np.float32) * np.float32(severity**0.5)
        return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


class Blur(Perturbation):
    """Gaussian blur by OpenCV; severity is the kernel's side k in pixels, sigma = 0.3 ((k - 1) / 2 - 1) + 0.8."""

    card = Card(name="blur", title="Blur", summary="Gaussian blur; severity = kernel side in pixels, odd", **IMLBENCH)
    severities = (3, 5, 7, 9, 11, 13)

    def check(self, severity: float) -> None:
        if not (1 <= severity <= 255 and severity % 2 == 1):
            raise UserError(f"blur: severity is an odd kernel side from 1 to 255, found {severity:g}")

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        import cv2

        side = int(severity)
        sigma = 0.3 * ((side - 1) / 2 - 1) + 0.8
        return cv2.GaussianBlur(image, (side, side), sigma)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Condition:
    """A perturbation at a severity, applied to the edited image or to both.

    Attributes:
        perturbation: None = clean.
        severity: meaningless where clean.
        target: a forgery travels while its original does not, hence "edited" by default.

    Raises:
        UserError: the perturbation has no such severity, or the target is another word.
    """

    perturbation: Perturbation | None = None
    severity: float | None = None
    target: Target = "edited"

    def __post_init__(self) -> None:
        if self.target not in get_args(Target):
            raise UserError(f"target: expected one of {', '.join(get_args(Target))}, found {self.target!r}")
        if self.perturbation is None:
            return
        if self.severity is None:
            raise UserError(f"{self.name}: give a severity; usual ones: {usual(self.perturbation)}")
        self.perturbation.check(self.severity)
        # 5 and 5.0 are one severity and must have one run.
        object.__setattr__(self, "severity", float(self.severity))

    @property
    def name(self) -> str:
        """Registered name of the perturbation, empty where clean."""
        return self.perturbation.card.name if self.perturbation else ""

    @property
    def seeded(self) -> bool:
        """Whether the pixels depend on the seed."""
        return self.perturbation is not None and self.perturbation.seeded

    def apply(self, image: Image, role: Literal["original", "edited"], sample_id: str, seed: int) -> Image:
        """The image under this condition, read-only; untouched where the condition spares its role."""
        if self.perturbation is None or (role == "original" and self.target == "edited"):
            return image
        assert self.severity is not None
        generator = keyed_generator(seed, sample_id, self.name, float(self.severity), role)
        perturbed = self.perturbation.apply(image, self.severity, generator)
        perturbed.flags.writeable = False
        return perturbed


CLEAN = Condition()


def usual(perturbation: Perturbation) -> str:
    """The default severities, for messages."""
    return ", ".join(f"{severity:g}" for severity in perturbation.severities)


def keyed_generator(*key: object) -> np.random.Generator:
    """A generator that depends on the key alone, whatever was drawn before."""
    import numpy as np

    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
