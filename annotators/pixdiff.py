"""PixDiff: thresholds on the pixel difference of original and edited image. No learning.

The rows of the SIGMA paper (arXiv 2605.27924) as recovered on CoCoGlide to the printed digit, and one more,
`pixdiff-exact`, that the paper does not have: on sets whose edits were pasted back into the untouched
original it beats every learned method, which a benchmark should say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Pair, ScoreMap

PAPER = "SIGMA, arXiv 2605.27924"
PAPER_URL = "https://arxiv.org/abs/2605.27924"
MORPH_LEVEL = 25
MORPH_SIDE = 5
MORPH_WIDE = 2 * MORPH_SIDE - 1


def fixed_card(level: int) -> AdapterCard:
    """Card of the row that marks pixels whose grey difference is at least `level` (0-255)."""
    return AdapterCard(
        name=f"pixdiff-{level}",
        title=f"PixDiff-Fixed({level})",
        version="1",
        summary=f"grey of the absolute difference >= {level} of 255",
        licence="Apache-2.0",
        citation=PAPER,
        url=PAPER_URL,
        threshold=level / 255,
    )


class FixedPixDiff(Annotator):
    """The grey difference itself as uint8 levels; the threshold on the card makes the row.

    All fixed rows hand out the very same array of a pair, so that it is counted once for all of them.
    """

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        from imlbench.differencing import grey_difference

        return [pair.shared(grey_difference) for pair in pairs]


class PixDiff0(FixedPixDiff):
    """Level 0: every pixel is marked, the floor that any annotator must beat."""

    card: ClassVar[AdapterCard] = fixed_card(0)


class PixDiff10(FixedPixDiff):
    """Level 10."""

    card: ClassVar[AdapterCard] = fixed_card(10)


class PixDiff20(FixedPixDiff):
    """Level 20."""

    card: ClassVar[AdapterCard] = fixed_card(20)


class PixDiff30(FixedPixDiff):
    """Level 30."""

    card: ClassVar[AdapterCard] = fixed_card(30)


class PixDiff40(FixedPixDiff):
    """Level 40."""

    card: ClassVar[AdapterCard] = fixed_card(40)


class PixDiffMorph(Annotator):
    """Grey difference >= 25, then opening (drops specks), then closing (fills holes), with 5 x 5 squares."""

    card: ClassVar[AdapterCard] = AdapterCard(
        name="pixdiff-morph",
        title="PixDiff-Fixed-morph",
        version="1",
        summary=f"grey of the absolute difference >= {MORPH_LEVEL} of 255, opened and closed with 5 x 5 squares",
        licence="Apache-2.0",
        citation=PAPER,
        url=PAPER_URL,
        soft=False,
    )

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        from imlbench.differencing import grey_difference

        return [open_and_close(pair.shared(grey_difference), MORPH_LEVEL) for pair in pairs]


class PixDiffOtsu(Annotator):
    """Grey difference above the threshold that Otsu's method finds for this pair."""

    card: ClassVar[AdapterCard] = AdapterCard(
        name="pixdiff-otsu",
        title="PixDiff-Otsu",
        version="1",
        summary="grey of the absolute difference > Otsu's threshold of it",
        licence="Apache-2.0",
        citation=f"{PAPER}; Otsu, IEEE Transactions on Systems, Man, and Cybernetics 9(1), 1979",
        url=PAPER_URL,
        soft=False,
    )

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        from imlbench.differencing import grey_difference
        from imlbench.otsu import above_otsu

        return [above_otsu(pair.shared(grey_difference)) for pair in pairs]


class PixDiffExact(Annotator):
    """Largest channel difference > 1: any change beyond rounding."""

    card: ClassVar[AdapterCard] = AdapterCard(
        name="pixdiff-exact",
        title="PixDiff-exact",
        version="1",
        summary="largest channel difference > 1 of 255",
        licence="Apache-2.0",
        citation=f"imlbench; not in {PAPER}",
        # Levels are integers: more than 1 is 2 or more.
        threshold=2 / 255,
    )

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        from imlbench.differencing import largest_channel_difference

        return [pair.shared(largest_channel_difference) for pair in pairs]


def open_and_close(grey: NDArray[np.uint8], level: int) -> NDArray[np.bool_]:
    """Morphological opening, then closing, of what is at or above a level, with a 5 x 5 square.

    Done in the bounding box of what is not zero: opening marks nothing new, and closing reaches at most half a square
    further, so a margin of one square keeps the box's edge out of play. Opening ends and closing begins with a
    dilation; both together are one with a square of 9 x 9.

    Args:
        grey: H x W, uint8.
        level: above zero.
    """
    import cv2
    import numpy as np

    from imlbench.histograms import nonzero_box

    square, wide = np.ones((MORPH_SIDE, MORPH_SIDE), np.uint8), np.ones((MORPH_WIDE, MORPH_WIDE), np.uint8)
    result = np.zeros(grey.shape, np.bool_)
    rows, columns = (slice(max(0, side.start - MORPH_SIDE), side.stop + MORPH_SIDE) for side in nonzero_box(grey))
    eroded = cv2.erode((grey[rows, columns] >= level).view(np.uint8), square)
    cv2.erode(cv2.dilate(eroded, wide), square, dst=result[rows, columns].view(np.uint8))
    return result
