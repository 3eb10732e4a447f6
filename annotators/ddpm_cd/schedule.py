"""The noise schedule: how much of the image is left after t steps.

After t of T steps an image x has become a x + sqrt(1 - a^2) e with e standard normal, where a^2 is the product of
1 - beta over the steps 1 to t (Ho et al., arXiv 2006.11239, equation 4). The network is told a itself, the noise
level, drawn between those of steps t and t - 1, as in WaveGrad (arXiv 2009.00713).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from annotators.ddpm_cd.config import ExtractorConfig
from imlbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class NoiseSchedule:
    """Noise levels by step, computed in float64.

    Args:
        config: its `schedule_steps`, `beta_first` and `beta_last`.
    """

    def __init__(self, config: ExtractorConfig) -> None:
        self.betas: NDArray[np.float64] = np.linspace(config.beta_first, config.beta_last, config.schedule_steps)
        """T variances."""
        kept = np.cumprod(1.0 - self.betas)
        self.levels: NDArray[np.float64] = np.sqrt(np.concatenate(([1.0], kept)))
        """T + 1 noise levels a, falling from 1 at step 0."""

    def interval(self, step: int) -> tuple[float, float]:
        """The noise levels of steps `step` and `step` - 1, the smaller first.

        Raises:
            UserError: there is no such step.
        """
        if not 1 <= step < len(self.levels):
            raise UserError(f"diffusion step: expected 1 to {len(self.levels) - 1}, found {step}")
        return float(self.levels[step]), float(self.levels[step - 1])

    def level(self, step: int, share: float) -> float:
        """A noise level within a step's interval.

        Args:
            step: 1 to T.
            share: 0 gives the level of `step` - 1, 1 that of `step`.
        """
        low, high = self.interval(step)
        return high + share * (low - high)


def noised(images: Tensor, levels: Tensor, noise: Tensor) -> Tensor:
    """Images after diffusion.

    Args:
        images: B x 3 x H x W, float32 in [-1, 1].
        levels: B, float32 in (0, 1].
        noise: like `images`, standard normal.
    """
    level = levels.view(-1, 1, 1, 1)
    return level * images + (1 - level.square()).clamp_min(0).sqrt() * noise
