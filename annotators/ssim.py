"""Structural dissimilarity of original and edited image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image, Pair, ScoreMap

WINDOW = 7
"""Side of the sliding window in pixels."""


class Ssim(Annotator):
    """1 - SSIM, where SSIM is scikit-image's map with a uniform 7 x 7 window, averaged over the channels."""

    card: ClassVar[AdapterCard] = AdapterCard(
        name="ssim",
        title="SSIM",
        version="1",
        summary="1 - structural similarity (uniform 7 x 7 window, mean of the channels) >= 0.5",
        licence="Apache-2.0",
        citation="Wang, Bovik, Sheikh, Simoncelli, IEEE Transactions on Image Processing 13(4), 2004",
        url="https://doi.org/10.1109/TIP.2003.819861",
    )

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return [dissimilarity(pair.original, pair.edited) for pair in pairs]


def dissimilarity(original: Image, edited: Image) -> NDArray[np.float32]:
    """clip(1 - SSIM, 0, 1) per pixel: H x W, float32.

    Images smaller than the window are continued at the lower and right edge by their last pixels, and the
    map is cut back to their size.
    """
    import numpy as np
    from skimage.metrics import structural_similarity

    height, width = edited.shape[:2]
    missing = ((0, max(0, WINDOW - height)), (0, max(0, WINDOW - width)), (0, 0))
    if any(after for _, after in missing):
        original, edited = np.pad(original, missing, "edge"), np.pad(edited, missing, "edge")
    _, similarity = structural_similarity(  # type: ignore[no-untyped-call]
        original, edited, win_size=WINDOW, channel_axis=2, data_range=255, full=True
    )
    score = 1 - similarity.mean(axis=2)[:height, :width]
    clipped: NDArray[np.float32] = np.clip(score, 0, 1).astype(np.float32)
    return clipped
