"""The contract of perturbations: what befalls an image on its way, at a severity. Definitions, not tuning.

Each is a pure function of (image, severity, generator). Noise is drawn from a generator keyed by the run's seed, the
sample and the severity, so that order, resumption and the number of workers never change a pixel.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn, cast, get_args

from imlbench.cards import Card
from imlbench.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from imlbench.samples import Image

Target = Literal["edited", "both"]


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
        """The degraded image: H x W x 3, uint8, RGB, of the same size. Called from several threads at once.

        Raises:
            SampleError: this image cannot be perturbed; the sample fails, the run goes on.
        """

    def weights(self) -> Mapping[str, str]:
        """SHA-256 (hexadecimal) of each weight file that decides the pixels, by file name; empty where there is none.

        Part of a run's identity. Called once before the first sample, so that what is wrong with a file is told then.

        Raises:
            UserError: a file is missing or is not what it should be; the message says what to do.
        """
        return {}


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

    def identity(self) -> dict[str, object]:
        """What decides the pixels beside name, severity, target and seed; empty where clean.

        Raises:
            UserError: a weight file that the perturbation needs is missing or damaged.
        """
        if self.perturbation is None:
            return {}
        weights = dict(self.perturbation.weights())
        version = {"perturbation_version": self.perturbation.card.version}
        return {**version, "perturbation_weights": weights} if weights else {**version}

    def apply(self, image: Image, role: Literal["original", "edited"], sample_id: str, seed: int) -> Image:
        """The image under this condition, read-only; untouched where the condition spares its role."""
        if self.perturbation is None or (role == "original" and self.target == "edited"):
            return image
        assert self.severity is not None
        # Making a generator costs more than some perturbations take.
        key = (seed, sample_id, self.name, float(self.severity), role)
        draws = keyed_generator(*key) if self.perturbation.seeded else NoDraws(self.name)
        perturbed = self.perturbation.apply(image, self.severity, cast("np.random.Generator", draws))
        perturbed.flags.writeable = False
        return perturbed


class NoDraws:
    """What a perturbation gets that is not declared `seeded`: it can draw nothing."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> NoReturn:
        raise UserError(f"{self._name} draws random numbers: its class must say `seeded = True`")


CLEAN = Condition()


def usual(perturbation: Perturbation) -> str:
    """The default severities, for messages."""
    return ", ".join(f"{severity:g}" for severity in perturbation.severities)


def keyed_generator(*key: object) -> np.random.Generator:
    """A generator that depends on the key alone, whatever was drawn before."""
    import numpy as np

    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
