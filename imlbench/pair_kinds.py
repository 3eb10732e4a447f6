"""Whether two images show the same content in the same place, or merely share some of it.

Two kinds of pairs are told apart by CAAAv2 (arXiv 2508.20987): SPG, the same content, aligned, as editing pairs have
it, and SDG, of which one lends the other a part. Theirs is a trained network whose weights are not published. This
one is trained on nothing: blocks of the original are looked for around their own place in the edited image.

Its figures were chosen on synthesised edits and on photographs that were shifted, enlarged, turned, mirrored, swapped
and pasted into others, never on an evaluation set. docs/annotate-corpus.md has what it makes of another draw of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.annotating.alignment import small_copy
from imlbench.loading import fit_original, read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Sample

    Block = tuple[slice, slice]
    """Rows and columns."""

TAG = "pair_kind"
"""Name of the tag that `tagged` gives a sample."""
BLOCK = 16
"""Side of a block, pixels of a small copy."""
GRID = 16
"""Blocks along the longer side at most."""
REACH = 6
"""A block is looked for so many pixels around its place, each way."""
NEAR = 1
"""A block that is found at most so many pixels from its place has stayed: 0.4 to 0.8 % of the longer side of an image
of more than 256 pixels."""
LIKE = 0.8
"""Correlation from which a block counts as found."""
LEAST_TEXTURE = 10.0
"""Smaller eigenvalue of a block's mean structure tensor, of grey values' differences per pixel, from which its place
can be told: an edge that can slide along itself has none."""
CHANCE = 0.03
"""Share of the textured blocks that may be found in their place although the images have nothing in common."""
MOST = 128
"""Of more textured blocks every second one, or third, is looked for: it takes half the time and tells as much."""
FEWEST = 6
"""With fewer textured blocks the whole frame is compared by colour."""
FLAT_LEVEL = 12
"""A block is unchanged where no channel's mean differs by more than this, of 255."""
THRESHOLD = 0.5


class PairKind(StrEnum):
    """What two images have to do with one another."""

    SPG = "spg"
    """The same content, aligned: one may be an edit of the other."""
    SDG = "sdg"
    """Not aligned: a donor and what took a part of it, another view, another picture."""


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What `classify_pair` found.

    Attributes:
        kind: of the pair.
        score: in [0, 1]; SPG from 0.5.
        textured: blocks whose place can be told and that were looked for.
        stayed: those of them that were found in their place.
        moved: those that were found elsewhere.
    """

    kind: PairKind
    score: float
    textured: int
    stayed: int
    moved: int

    def __str__(self) -> str:
        return f"{self.kind} {self.score:.2f}"

    @property
    def told(self) -> str:
        """The verdict and what it stands on, for people."""
        if self.textured < FEWEST:
            return f"pair kind {self}: hardly any texture, compared by colour"
        return f"pair kind {self}: of {self.textured} blocks {self.stayed} in place, {self.moved} moved"


def classify_pair(original: Image, edited: Image) -> PairVerdict:
    """Say whether a pair shows the same content in the same place.

    Blocks of 16 x 16 pixels of copies of at most 256 a side: each with texture in two directions is looked for up to 6
    pixels around its place, by the normalised correlation of the grey values, which neither brightness nor contrast
    changes. With s blocks found in their place, m elsewhere, and n in all, the score is s / (s + m + 0.03 n): what was
    replaced counts for nothing, however much it is; what moved counts against; and of two pictures that have nothing
    to do with one another the few blocks that chance puts in place do not make a half. Where hardly a block has
    texture, the score is twice the share of the frame whose colour has stayed, 1 at most.

    Args:
        original: H x W x 3, uint8, RGB.
        edited: likewise; where it has another size, the original is brought to it.

    Raises:
        SampleError: the aspect ratios differ by more than 2 %.
    """
    fitted, _ = fit_original(original, edited.shape, "the original")
    return classify_small(small_copy(fitted), small_copy(edited))


def classify_small(original: Image, edited: Image) -> PairVerdict:
    """`classify_pair` of two small copies of one size, see `imlbench.annotating.alignment.small_copy`."""
    first, second = grey_of(original), grey_of(edited)
    textured = textured_blocks(first)
    textured = textured[:: -(-len(textured) // MOST) or 1]
    if len(textured) < FEWEST:
        score = min(2 * unchanged_share(original, edited), 1.0)
        return PairVerdict(kind_of(score), score, len(textured), 0, 0)
    offsets = [offset for block in textured if (offset := displacement(first, second, block)) is not None]
    stayed = sum(offset <= NEAR for offset in offsets)
    score = round(stayed / (len(offsets) + CHANCE * len(textured)), 6)
    return PairVerdict(kind_of(score), score, len(textured), stayed, len(offsets) - stayed)


def grey_of(image: Image) -> NDArray[np.uint8]:
    """H x W, uint8."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def kind_of(score: float) -> PairKind:
    """The kind that a score stands for."""
    return PairKind.SPG if score >= THRESHOLD else PairKind.SDG


def blocks(shape: tuple[int, ...]) -> Iterator[Block]:
    """Blocks all over an image: next to one another, closer together where it is small."""
    height, width = shape[:2]
    step, side = max(1, -(-max(height, width) // GRID)), min(BLOCK, height, width)
    for top in range(0, height - side + 1, step):
        for left in range(0, width - side + 1, step):
            yield slice(top, top + side), slice(left, left + side)


def textured_blocks(grey: NDArray[np.uint8]) -> list[Block]:
    """The blocks that differ from themselves a step away in every direction."""
    right, down = (cv2.Sobel(grey, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
    sums = [cv2.integral(product) for product in (right * right, down * down, right * down)]
    found = list(blocks(grey.shape))
    if not found:
        return []
    corners = np.array([(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in found]).T
    top, bottom, left, right_end = corners
    area = (bottom - top) * (right_end - left)
    xx, yy, xy = (
        (total[bottom, right_end] - total[top, right_end] - total[bottom, left] + total[top, left]) / area
        for total in sums
    )
    smaller = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    return [block for block, texture in zip(found, smaller, strict=True) if texture >= LEAST_TEXTURE]


def displacement(first: NDArray[np.uint8], second: NDArray[np.uint8], block: Block) -> int | None:
    """How far from its place, in pixels, a block of one grey is in another; None where it is not near it."""
    rows, columns = block
    top, left = max(0, rows.start - REACH), max(0, columns.start - REACH)
    around = second[top : rows.stop + REACH, left : columns.stop + REACH]
    alike = cv2.matchTemplate(around, first[rows, columns], cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(alike)
    if best < LIKE:
        return None
    offset: int = max(abs(top + y - rows.start), abs(left + x - columns.start))
    return offset


def unchanged_share(original: Image, edited: Image) -> float:
    """Share of the blocks whose mean colour has stayed, in [0, 1]."""
    apart = [np.abs(original[block].mean((0, 1)) - edited[block].mean((0, 1))).max() for block in blocks(edited.shape)]
    return round(sum(bool(value <= FLAT_LEVEL) for value in apart) / max(len(apart), 1), 6)


def tagged(sample: Sample) -> Sample:
    """The sample with its pair's kind as the tag `pair_kind`; the sample itself where it has no original.

    Reads and decodes both images.

    Raises:
        SampleError: one of them cannot be read, or their aspect ratios differ by more than 2 %.
    """
    if sample.original is None:
        return sample
    original, edited = (read(source, "", {}).pixels for source in (sample.original, sample.edited))
    kind = classify_pair(original, edited).kind
    return replace(sample, tags={**sample.tags, TAG: kind.value})
