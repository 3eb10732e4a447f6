"""Edits of a photograph inside a region: paste, removal, recolouring, retexturing. Pure functions.

Each returns the edited image; whatever lies outside the region is the photograph, bit by bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image, Mask

FEATHER = 1.5
"""Width in pixels of the soft edge, which lies inside the region."""

INPAINT_RADIUS = 5
RELIEF = 0.65
"""Exponent on a texture's grey values: as photographed, they are harsher than the scenes they are laid into."""

SHADING_BLUR = 12.0
"""Standard deviation in pixels of the blur that separates light and shade from surface detail."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a cut-out object is set into another photograph.

    Attributes:
        x: of the object's centre, in pixels of the photograph.
        y: likewise.
        scale: size relative to the object's own photograph.
        angle: degrees, counter-clockwise.
        gain: factors on red, green and blue that fit the object to the light of the scene.
    """

    x: float
    y: float
    scale: float
    angle: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)


def blend(photograph: Image, content: NDArray[np.floating | np.uint8], mask: Mask) -> Image:
    """`content` inside `mask`, with a soft edge inside it; the photograph untouched outside.

    Args:
        photograph: H x W x 3, uint8.
        content: H x W x 3, 0-255, rounded and clipped here.
        mask: H x W, bool.
    """
    # Distance to the nearest pixel outside the mask; the frame's border is no edge of the object and stays hard.
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    alpha = np.clip(distance / (FEATHER + 1), 0, 1)[:, :, np.newaxis]
    mixed = np.clip(np.rint(photograph * (1 - alpha) + content * alpha), 0, 255).astype(np.uint8)
    return np.where(mask[:, :, np.newaxis], mixed, photograph)


def place(source: Image, object_mask: Mask, size: tuple[int, ...], placement: Placement) -> tuple[Image, Mask]:
    """Scale, turn and move an object onto an empty canvas.

    Args:
        source: h x w x 3, uint8, the photograph that holds the object.
        object_mask: h x w, bool, where the object is.
        size: height and width of the canvas.
        placement: where it goes.

    Returns:
        H x W x 3 uint8 canvas and H x W bool mask of the object on it; parts beyond the frame are cut off.
    """
    rows, columns = np.flatnonzero(object_mask.any(axis=1)), np.flatnonzero(object_mask.any(axis=0))
    centre = ((columns[0] + columns[-1]) / 2 * placement.scale, (rows[0] + rows[-1]) / 2 * placement.scale)
    small = cv2.resize(source, None, fx=placement.scale, fy=placement.scale, interpolation=cv2.INTER_AREA)
    soft = object_mask.astype(np.float32)
    coverage = cv2.resize(soft, None, fx=placement.scale, fy=placement.scale, interpolation=cv2.INTER_AREA)
    matrix = cv2.getRotationMatrix2D(centre, placement.angle, 1.0)
    matrix[:, 2] += (placement.x - centre[0], placement.y - centre[1])
    frame = (size[1], size[0])
    canvas = cv2.warpAffine(small, matrix, frame, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(coverage, matrix, frame) > 0.5
    return canvas, mask  # type: ignore[return-value]


def paste(photograph: Image, source: Image, object_mask: Mask, placement: Placement) -> tuple[Image, Mask]:
    """Set an object cut from `source` into `photograph`.

    Returns:
        The edited image (H x W x 3, uint8) and the exact mask (H x W, bool).
    """
    canvas, mask = place(source, object_mask, photograph.shape[:2], placement)
    return blend(photograph, canvas * np.array(placement.gain, np.float32), mask), mask


def remove(photograph: Image, mask: Mask, grain: tuple[int, int] | None = None) -> Image:
    """Remove what is in the region: inpainted along the level lines (Bertalmio et al., CVPR 2001).

    Args:
        photograph: H x W x 3, uint8.
        mask: H x W, bool, drawn generously around the object.
        grain: offset (x, y) in pixels of a place whose fine detail is laid over the inpainting, which alone
            is smoother than any photograph.
    """
    filled = cv2.inpaint(photograph, mask.astype(np.uint8), INPAINT_RADIUS, cv2.INPAINT_NS).astype(np.float32)
    if grain is not None:
        filled += shifted(detail(photograph), grain)
    return blend(photograph, filled, mask)


def detail(photograph: Image) -> NDArray[np.float32]:
    """The photograph less its blurred self: H x W x 3, float32, around 0."""
    pixels = photograph.astype(np.float32)
    return pixels - cv2.GaussianBlur(pixels, (0, 0), 3.0)


def shifted(values: NDArray[np.float32], offset: tuple[int, int]) -> NDArray[np.float32]:
    """At (x, y), the value of (x + offset x, y + offset y), mirrored at the border."""
    matrix = np.array([[1, 0, -offset[0]], [0, 1, -offset[1]]], np.float32)
    frame = (values.shape[1], values.shape[0])
    return cv2.warpAffine(values, matrix, frame, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[return-value]


def recolour(photograph: Image, mask: Mask, hue: float, saturation: float = 1.0, floor: float = 0.0) -> Image:
    """Give the region another colour; light and shade stay.

    Args:
        photograph: H x W x 3, uint8.
        mask: H x W, bool.
        hue: the new hue in degrees; half of the region's own variation of hue is kept.
        saturation: factor on the saturation.
        floor: least saturation in [0, 1], for things that had no colour.
    """
    hsv = cv2.cvtColor(photograph.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    middle = float(np.median(hsv[:, :, 0][mask])) if mask.any() else 0.0
    variation = (hsv[:, :, 0] - middle + 180) % 360 - 180
    # Where a colour is too pale to have a hue, its variation is noise.
    hsv[:, :, 0] = (hue + np.clip(variation, -30, 30) / 2 * (hsv[:, :, 1] > 0.2)) % 360
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * saturation, floor, 1)
    return blend(photograph, cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32) * 255, mask)


def retexture(
    photograph: Image,
    mask: Mask,
    texture: NDArray[np.uint8],
    tint: tuple[int, int, int],
    scale: float = 1.0,
    shading: float = 0.7,
) -> Image:
    """Cover the region with a texture that takes on the region's light and shade.

    Args:
        photograph: H x W x 3, uint8.
        mask: H x W, bool.
        texture: grey, uint8; repeated, mirrored, where it is smaller than the photograph.
        tint: mean colour of the cover, RGB, 0-255.
        scale: size of the texture.
        shading: 0 leaves the cover evenly lit, 1 gives it all of the region's light and shade.
    """
    luma = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY).astype(np.float32)
    inside = mask.astype(np.float32)
    # Blurred within the region only, so that no light leaks in from beyond its edge.
    weight = cv2.GaussianBlur(inside, (0, 0), SHADING_BLUR) + 1e-6
    light = cv2.GaussianBlur(luma * inside, (0, 0), SHADING_BLUR) / weight
    mean = max(float(luma[mask].mean()), 1.0) if mask.any() else 1.0
    grey = tiled(texture, photograph.shape[:2], scale)
    cover = (grey / grey.mean()) ** RELIEF * np.maximum(light / mean, 0.05) ** shading
    return blend(photograph, cover[:, :, np.newaxis] * np.array(tint, np.float32), mask)


def tiled(texture: NDArray[np.uint8], size: tuple[int, ...], scale: float) -> NDArray[np.float32]:
    """A texture scaled and repeated, mirrored, to (height, width): float32."""
    tile = cv2.resize(texture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    down, across = max(0, size[0] - tile.shape[0]), max(0, size[1] - tile.shape[1])
    covered: NDArray[np.float32] = np.pad(tile, ((0, down), (0, across)), mode="symmetric")
    return covered[: size[0], : size[1]]
