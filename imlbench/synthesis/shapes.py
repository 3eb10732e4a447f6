"""Regions where no polygon says what is there: blobs, ellipses, rectangles, strokes, segments of the image itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask

WORKING_SIDE = 128
"""Segments are found on a small copy: what matters is which parts belong together."""
TRIES = 8


def draw_area(generator: np.random.Generator, span: tuple[float, float]) -> float:
    """A share of the image, log-uniform in `span`."""
    return float(math.exp(generator.uniform(math.log(span[0]), math.log(span[1]))))


def draw_shape(image: Image, generator: np.random.Generator, span: tuple[float, float]) -> Mask:
    """A region of any kind, its share of the image log-uniform in `span` or near to it.

    Args:
        image: H x W x 3, uint8; segments follow its edges.
        generator: where the draws come from.
        span: smallest and largest share of the image.

    Returns:
        H x W bool, never empty.
    """
    names = tuple(SHAPES)
    for _ in range(TRIES):
        draw = SHAPES[names[generator.choice(len(names), p=WEIGHTS)]]
        mask = draw(image, generator, draw_area(generator, span))
        if span[0] / 2 <= mask.mean() <= span[1] * 1.2:
            return mask
    height, width = image.shape[:2]
    centre = (width / 2, height / 2)
    return filled([ring(centre, *axes(0.1, height, width, 1.0), 0.0)], (height, width))


def axes(area: float, height: int, width: int, aspect: float) -> tuple[float, float]:
    """Half axes in pixels of an ellipse with this share of the image and this ratio of its axes."""
    product = area * height * width / math.pi
    return math.sqrt(product * aspect), math.sqrt(product / aspect)


def ring(
    centre: tuple[float, float], across: float, down: float, turn: float, radii: NDArray[np.float64] | float = 1.0
) -> NDArray[np.float64]:
    """n x 2 points around an ellipse; `radii` are factors, one a point."""
    count = 120 if isinstance(radii, float) else len(radii)
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    x, y = across * radii * np.cos(angles), down * radii * np.sin(angles)
    cosine, sine = math.cos(turn), math.sin(turn)
    return np.stack([centre[0] + cosine * x - sine * y, centre[1] + sine * x + cosine * y], axis=1)


def filled(outlines: list[NDArray[np.float64]], size: tuple[int, int]) -> Mask:
    """H x W bool mask of the union of polygons; parts beyond the frame are cut off."""
    canvas = np.zeros(size, np.uint8)
    for points in outlines:
        cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], (1,), shift=4)
    return canvas.astype(np.bool_)


def centre_for(generator: np.random.Generator, height: int, width: int, margin: float) -> tuple[float, float]:
    """A point, mostly so far inside that a shape of this half extent is not cut off."""
    room = (min(margin * generator.uniform(0.3, 1.1), side / 2) for side in (width, height))
    across, down = room
    return float(generator.uniform(across, width - across)), float(generator.uniform(down, height - down))


def blob(image: Image, generator: np.random.Generator, area: float) -> Mask:
    """A smooth random outline: an ellipse whose radius swings by a few low harmonics."""
    height, width = image.shape[:2]
    across, down = axes(area, height, width, math.exp(generator.normal(0, 0.35)))
    angles = np.linspace(0, 2 * math.pi, 160, endpoint=False)
    swing = generator.uniform(0.15, 0.7)
    radii = np.ones_like(angles)
    for harmonic in range(2, 8):
        amplitude = swing * generator.normal() / harmonic
        radii += amplitude * np.cos(harmonic * angles + generator.uniform(0, 2 * math.pi))
    radii = np.clip(radii, 0.25, 2.5)
    radii /= math.sqrt(float(np.mean(radii**2)))
    centre = centre_for(generator, height, width, max(across, down))
    return filled([ring(centre, across, down, generator.uniform(0, math.pi), radii)], (height, width))


def ellipse(image: Image, generator: np.random.Generator, area: float) -> Mask:
    """An ellipse, turned anyhow."""
    height, width = image.shape[:2]
    across, down = axes(area, height, width, math.exp(generator.normal(0, 0.4)))
    centre = centre_for(generator, height, width, max(across, down))
    return filled([ring(centre, across, down, generator.uniform(0, math.pi))], (height, width))


def rectangle(image: Image, generator: np.random.Generator, area: float) -> Mask:
    """A rectangle, three times in four with upright sides."""
    height, width = image.shape[:2]
    across, down = (
        axis * math.sqrt(math.pi) / 2 for axis in axes(area, height, width, math.exp(generator.normal(0, 0.4)))
    )
    turn = 0.0 if generator.random() < 0.75 else generator.uniform(0, math.pi)
    x, y = centre_for(generator, height, width, max(across, down))
    corners = np.array([[-across, -down], [across, -down], [across, down], [-across, down]])
    cosine, sine = math.cos(turn), math.sin(turn)
    turned = corners @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)
    return filled([turned], (height, width))


def stroke(image: Image, generator: np.random.Generator, area: float) -> Mask:
    """A brush's stroke along a curve, as wide as its share of the image asks for."""
    height, width = image.shape[:2]
    corners = generator.uniform(0.1, 0.9, (4, 2)) * (width, height)
    t = np.linspace(0, 1, 60)[:, None]
    a, b, c, d = corners
    curve = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    length = float(np.linalg.norm(np.diff(curve, axis=0), axis=1).sum())
    thickness = int(np.clip(area * height * width / max(length, 1.0), 3, min(height, width) / 2))
    canvas = np.zeros((height, width), np.uint8)
    cv2.polylines(canvas, [np.round(curve).astype(np.int32)], False, (1,), thickness)
    return canvas.astype(np.bool_)


def small_copy(image: Image) -> Image:
    """The image with its longer side at the working size, or as it is where it is smaller."""
    height, width = image.shape[:2]
    factor = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def enlarged(mask: NDArray[Any], size: tuple[int, ...]) -> Mask:
    """A small mask at (height, width) with a smooth outline."""
    soft = cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    deviation = max(size) / WORKING_SIDE * 0.8
    return cv2.GaussianBlur(soft, (0, 0), deviation) > 0.5


def superpixels(image: Image, generator: np.random.Generator, area: float) -> Mask:
    """Superpixels (SLIC) grown from one of them to its likest neighbours until the share is reached."""
    from skimage.segmentation import slic

    small = small_copy(image)
    labels = slic(small, n_segments=int(generator.integers(40, 160)), compactness=8, start_label=0, channel_axis=2)
    count = int(labels.max()) + 1
    sizes = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    channels = [np.bincount(labels.ravel(), small[:, :, c].ravel(), count) / sizes for c in range(3)]
    colours = np.stack(channels, axis=1)
    near = neighbours(labels, count)
    chosen = np.zeros(count, np.bool_)
    chosen[generator.integers(count)] = True
    while sizes[chosen].sum() < area * labels.size:
        rim = near[chosen].any(axis=0) & ~chosen
        if not rim.any():
            break
        distance = np.linalg.norm(colours - colours[chosen].mean(axis=0), axis=1)
        chosen[np.argmin(np.where(rim, distance, np.inf))] = True
    return enlarged(chosen[labels], image.shape)


def neighbours(labels: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """count x count: which labels touch."""
    touch = np.zeros((count, count), np.bool_)
    for first, second in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        touch[first, second] = touch[second, first] = True
    return touch


def grabcut(image: Image, generator: np.random.Generator, area: float) -> Mask:
    """What GrabCut (Rother et al., SIGGRAPH 2004) takes for the foreground around a random place."""
    small = small_copy(image)
    height, width = small.shape[:2]
    side = math.sqrt(area * 1.8 * height * width)
    across, down = int(np.clip(side, 5, width - 2)), int(np.clip(side, 5, height - 2))
    x, y = int(generator.integers(1, width - across)), int(generator.integers(1, height - down))
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    labels[y : y + down, x : x + across] = cv2.GC_PR_FGD
    # A certain core: without one, small foregrounds die out.
    labels[y + down // 3 : y + 2 * down // 3 + 1, x + across // 3 : x + 2 * across // 3 + 1] = cv2.GC_FGD
    # OpenCV's own generator starts its clustering.
    cv2.setRNGSeed(int(generator.integers(1 << 31)))
    try:
        cv2.grabCut(small, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        # Refused where too few pixels are left to cluster; an empty region is drawn anew.
        return np.zeros(image.shape[:2], np.bool_)
    return enlarged(labels & 1, image.shape)


SHAPES: dict[str, Callable[[Image, np.random.Generator, float], Mask]] = {
    "blob": blob,
    "ellipse": ellipse,
    "rectangle": rectangle,
    "stroke": stroke,
    "superpixels": superpixels,
    "grabcut": grabcut,
}
WEIGHTS = (0.24, 0.08, 0.12, 0.06, 0.28, 0.22)
"""How often each shape is drawn."""
