"""A cache of priors that is read and never written, for adapters that promise to write nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotators.sigma.grounding.cache import PriorCache

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ReadOnlyCache(PriorCache):
    """Hands out what another adapter has kept."""

    def write(self, key: bytes, prior: NDArray[np.float32]) -> None:
        """Keeps nothing."""
