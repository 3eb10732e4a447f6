"""Random draws that belong to a sample: the same whatever its place in the order and whatever is in its batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from annotators.ddpm_cd.schedule import NoiseSchedule

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES = ("original", "edited")


class Draw(NamedTuple):
    """What one image is noised with at one step.

    Attributes:
        level: noise level in (0, 1].
        noise: 3 x side x side, float32, standard normal.
    """

    level: float
    noise: NDArray[np.float32]


class NoiseSource:
    """Draws of noise from a seed and a sample's id. Made on the processor, so that every device gets the same.

    Args:
        schedule: says the levels.
        seed: of the run.
        side: of the network's input, in pixels.
    """

    def __init__(self, schedule: NoiseSchedule, seed: int, side: int) -> None:
        self.schedule = schedule
        self.seed = seed
        self.side = side

    def draw(self, sample: str, image: str, step: int, view: int = 0) -> Draw:
        """The draw of one image at one step.

        The two images' are independent, and so are those of two steps and two views, as in the published network.

        Args:
            sample: the sample's id.
            image: one of `IMAGES`.
            step: 1 to T.
            view: counts the tiles of a sample, or the epochs of a training.
        """
        generator = np.random.Generator(np.random.Philox(key=draw_key(self.seed, sample, image, step, view)))
        level = self.schedule.level(step, float(generator.random()))
        return Draw(level, generator.standard_normal((3, self.side, self.side), dtype=np.float32))

    def stacked(
        self, samples: Sequence[tuple[str, int]], image: str, step: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The draws of one image of several samples.

        Args:
            samples: id and view of each of B samples.
            image: one of `IMAGES`.
            step: 1 to T.

        Returns:
            B levels and B x 3 x side x side noise, float32.
        """
        draws = [self.draw(sample, image, step, view) for sample, view in samples]
        return np.array([one.level for one in draws], np.float32), np.stack([one.noise for one in draws])


def draw_key(seed: int, sample: str, image: str, step: int, view: int) -> int:
    """128 bits that differ for every draw. JSON keeps apart what mere joining would mix up."""
    text = json.dumps(["ddpm-cd", seed, sample, image, step, view])
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:16], "little")
