"""Small pictures: photographs as WebP, masks and score maps as PNGs of one colour whose opacity tells the score."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image as PillowImage

from imlbench.images import resize_image
from imlbench.pictures import certainty, decision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.results.records import Run
    from imlbench.samples import Image, Mask, ScoreMap

TRUTH = (0x00, 0x72, 0xB2)
PREDICTION = (0xD5, 0x5E, 0x00)
"""Blue and vermilion of Okabe and Ito: told apart by colour-blind eyes, and by their lightness in grey."""

WEBP_QUALITY = 80
OPACITIES = 16
"""Steps from clear to opaque: four bits a pixel, since the noise below a threshold does not compress."""
FAINT, STRONG = 0.25, 0.75
"""Most opacity below the threshold, and least at or above it: one sees the decision and how near it was."""
LEGEND = (
    f"Score maps: a pixel that is marked (score >= threshold) is drawn {100 * STRONG:.0f} to 100 % opaque, "
    f"any other up to {100 * FAINT:.0f} %, in proportion to its score; hard decisions are opaque or clear."
)


def fitted_shape(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width at which the longest side is at most `side`; nothing is enlarged."""
    height, width = shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def photograph(pixels: Image, side: int) -> bytes:
    """WebP of an image, reduced to at most `side` pixels."""
    reduced = shrunk(pixels, fitted_shape(pixels.shape, side))
    buffer = io.BytesIO()
    PillowImage.fromarray(reduced).save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
    return buffer.getvalue()


def shrunk(pixels: Image, shape: tuple[int, int]) -> Image:
    """The image at a shape that is not larger than its own."""
    return pixels if pixels.shape[:2] == shape else resize_image(pixels, shape)


def mask_picture(mask: Mask, side: int) -> bytes:
    """PNG of the truth."""
    return tinted(mask.astype(np.float32), TRUTH, side)


def map_picture(scores: ScoreMap, run: Run, side: int) -> bytes:
    """PNG of a score map, see `LEGEND`."""
    return tinted(opacity(scores, run), PREDICTION, side)


def opacity(scores: ScoreMap, run: Run) -> NDArray[np.float32]:
    """Opacity of each pixel of a score map before it is reduced: H x W, float32 in [0, 1]."""
    marked = decision(scores, run)
    if scores.dtype == np.bool_:
        return marked.astype(np.float32)
    sure = certainty(scores)
    tiny = np.float32(1e-6)
    below = FAINT * sure / max(np.float32(run.threshold), tiny)
    above = STRONG + (1 - STRONG) * (sure - np.float32(run.threshold)) / max(np.float32(1 - run.threshold), tiny)
    # A level may be marked although its float lies a rounding below the threshold.
    limited = np.where(marked, np.clip(above, STRONG, 1), np.clip(below, 0, FAINT))
    return np.asarray(limited, dtype=np.float32)


def tinted(opacities: NDArray[np.float32], colour: tuple[int, int, int], side: int) -> bytes:
    """PNG of one colour; opacity is averaged where it is reduced, then cut to `OPACITIES` steps."""
    height, width = fitted_shape(opacities.shape, side)
    if opacities.shape != (height, width):
        opacities = cv2.resize(opacities, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    steps = np.clip(np.rint(opacities * (OPACITIES - 1)), 0, OPACITIES - 1).astype(np.uint8)
    picture = PillowImage.fromarray(steps)
    picture.putpalette(list(colour) * OPACITIES)
    alphas = bytes(255 * step // (OPACITIES - 1) for step in range(OPACITIES))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", bits=4, transparency=alphas, compress_level=6)
    return buffer.getvalue()
