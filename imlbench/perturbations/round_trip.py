"""The round trip through an autoencoder, whichever it is: padding, range, rounding, one image at a time.

What a generative editor does to every pixel of a picture, the untouched ones included, before it edits anything.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imlbench.errors import Reason, SampleError
from imlbench.perturb import Perturbation
from imlbench.perturbations.common import check_pixels, check_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image

MAX_TRIPS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Autoencoder:
    """A loaded autoencoder.

    Attributes:
        reconstruct: encode and decode: 1 x 3 x H x W, float32, RGB in [0, 1], to the same shape and about that range.
        multiple: H and W must be multiples of it.
        max_pixels: larger images would not fit into memory.
        weights: SHA-256 of each file that was loaded, by name.
        lock: held while it works. One image at a time bounds the memory, and the arithmetic's own threads, on which
            the last bit may depend, are as many for every number of decoding threads.
    """

    reconstruct: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    multiple: int
    max_pixels: int
    weights: Mapping[str, str]
    lock: threading.Lock = field(default_factory=threading.Lock)


class RoundTrip(Perturbation):
    """Encoded and decoded again by an autoencoder; severity is the number of times.

    Padded by reflection, at the right and the bottom, to the multiple that the autoencoder needs, and cropped back, so
    that nothing is scaled or shifted. Rounded to 8 bits after each time, as if the picture was saved in between.
    """

    severities = (1,)

    @abstractmethod
    def autoencoder(self) -> Autoencoder:
        """The autoencoder, the same object at every call.

        Raises:
            UserError: it cannot be loaded; the message says what to do.
        """

    def check(self, severity: float) -> None:
        check_whole(self.card.name, "whole number of round trips", severity, 1, MAX_TRIPS)

    def weights(self) -> Mapping[str, str]:
        return self.autoencoder().weights

    def apply(self, image: Image, severity: float, generator: np.random.Generator) -> Image:
        autoencoder = self.autoencoder()
        check_pixels(self.card.name, image.shape[0], image.shape[1], autoencoder.max_pixels)
        with autoencoder.lock:
            for _ in range(int(severity)):
                image = self._once(image, autoencoder)
        return image

    def _once(self, image: Image, autoencoder: Autoencoder) -> Image:
        """One round trip."""
        import numpy as np

        height, width = image.shape[:2]
        padding = [(0, -side % autoencoder.multiple) for side in (height, width)]
        padded = np.pad(image, [*padding, (0, 0)], mode="reflect")
        planes = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)
        decoded = autoencoder.reconstruct(planes)
        if decoded.shape != planes.shape or not np.isfinite(decoded).all():
            message = f"{self.card.name}: the autoencoder gave no image of the input's size with finite values"
            raise SampleError(Reason.ADAPTER_ERROR, message)
        levels = np.rint(np.clip(decoded[0], 0, 1) * np.float32(255)).astype(np.uint8)
        return np.ascontiguousarray(levels.transpose(1, 2, 0)[:height, :width])
