"""What a grounder is: a concept and an image in, soft maps of the instances out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image

    Maps = NDArray[np.float32]
    """K x H x W, float32 in [0, 1]: one soft map per instance, K = 0 where none was found."""


class Grounder(Protocol):
    """Anything that finds a concept in an image."""

    @property
    def identity(self) -> str:
        """Changes whenever a map may change: weights, thresholds, code. Part of a cached prior's key."""
        ...

    def maps(self, image: Image, concept: str) -> Maps:
        """Soft maps of a concept's instances.

        Args:
            image: H x W x 3, uint8, RGB.
            concept: a short noun phrase.

        Returns:
            K x H x W, float32 in [0, 1]; K may be 0.
        """
        ...


def no_maps(image: Image) -> Maps:
    """The maps of an image in which nothing was found: 0 x H x W."""
    import numpy as np

    return np.zeros((0, *image.shape[:2]), np.float32)


def checked_maps(maps: Maps, image: Image, grounder: str) -> Maps:
    """A grounder's answer, which may be a third party's, made sure of.

    Raises:
        ValueError: not K x H x W of the image's size, or a value that is no number in [0, 1].
    """
    import numpy as np

    values = np.asarray(maps, np.float32)
    if values.ndim != 3 or values.shape[1:] != image.shape[:2]:
        expected = f"K x {image.shape[0]} x {image.shape[1]}"
        raise ValueError(f"grounder {grounder}: expected maps of shape {expected}, found {values.shape}")
    # Written so that a value that is no number fails too.
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"grounder {grounder}: expected values in [0, 1], found {values.min()} to {values.max()}")
    return values
