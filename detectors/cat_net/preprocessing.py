"""What CAT-Net is shown, by its authors' loader and by IMDL-BenCo's.

The network's input is 24 planes: the colours, then 21 planes of which exactly one is 1 at each pixel and says which
magnitude the luma coefficient in its place has. Beside it comes luma's quantisation table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.arrays import imagenet_planes, planes, resized_map, resized_pixels
from detectors.cat_net.coefficients import Luma, read_luma, saved_as_jpeg
from detectors.cat_net.jpeg_header import UnusualJpegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.arrays import Planes
    from imlbench.adapters import Picture
    from imlbench.samples import Image

BLOCK = 8
LARGEST = 20
"""Magnitudes from here on share the last plane."""
MIDDLE = 127.5
BENCO_SIDE = 512
BENCO_QUALITY = 75


class Prepared(NamedTuple):
    """A picture as CAT-Net's planes are made from it.

    Attributes:
        pixels: H x W x 3, uint8, those that the coefficients belong to.
        luma: coefficients of at least H x W and the table.
        notes: how the coefficients were come by, where not from the picture's own file.
    """

    pixels: NDArray[np.uint8]
    luma: Luma
    notes: tuple[str, ...] = ()


def prepare(picture: Picture) -> Prepared:
    """Pixels and coefficients of a picture: its own file's where it is a JPEG, else saved at quality 100, 4:4:4."""
    data = picture.jpeg
    if data is None:
        return saved(picture.pixels, "no JPEG")
    try:
        return Prepared(picture.pixels, read_luma(data, picture.pixels.shape))
    except UnusualJpegError as error:
        return saved(picture.pixels, f"JPEG with {error}")


def saved(pixels: Image, why: str) -> Prepared:
    """The authors' way with pictures that are no JPEG: pixels too are those of the file that is made."""
    data, decoded = saved_as_jpeg(pixels)
    return Prepared(decoded, read_luma(data), (f"{why}: saved at quality 100, 4:4:4",))


def official_planes(pixels: NDArray[np.uint8], coefficients: NDArray[np.int16]) -> Planes:
    """The 24 planes of a picture or of a tile that begins with a block: 24 x H x W, float32.

    H and W are the next multiples of 8. There, colours are continued by 127.5, which becomes 0, and coefficients by 0.

    Args:
        pixels: h x w x 3, uint8, RGB.
        coefficients: of the same place, larger at the bottom and the right by the rest of the last blocks, or not.
    """
    height, width = (-(-length // BLOCK) * BLOCK for length in pixels.shape[:2])
    found = np.zeros((3 + LARGEST + 1, height, width), np.float32)
    found[:3, : pixels.shape[0], : pixels.shape[1]] = (planes(pixels) - np.float32(MIDDLE)) / np.float32(MIDDLE)
    magnitudes = np.zeros((height, width), np.int64)
    shown = coefficients[:height, :width]
    magnitudes[: shown.shape[0], : shown.shape[1]] = magnitudes_of(shown)
    np.put_along_axis(found[3:], magnitudes[np.newaxis], 1, axis=0)
    return found


def magnitudes_of(coefficients: NDArray[np.int16]) -> NDArray[np.int64]:
    """Which of the 21 planes each coefficient lies in: 0 to 20."""
    # In 16 bits the smallest number has no positive counterpart.
    return np.minimum(np.abs(coefficients.astype(np.int64)), LARGEST)


def benco_planes(pixels: Image) -> tuple[Planes, NDArray[np.uint16]]:
    """As IMDL-BenCo shows it, at 512 x 512: 24 x 512 x 512, float32, and the table.

    Its loader applies ImageNet's statistics first. The coefficients are those of what is left when the result is cut
    to whole bytes, around zero, and saved at quality 75; the colours are scaled a second time. Checkpoints that were
    trained this way know nothing else.
    """
    colours = imagenet_planes(resized_pixels(pixels, BENCO_SIDE, BENCO_SIDE))
    # Below zero, whole bytes begin again at 255.
    bytes_left = (colours.transpose(1, 2, 0).astype(np.int32) & 255).astype(np.uint8)
    data, _ = saved_as_jpeg(bytes_left, quality=BENCO_QUALITY, subsampling=2)
    luma = read_luma(data)
    found = official_planes(np.zeros((BENCO_SIDE, BENCO_SIDE, 3), np.uint8), luma.coefficients)
    found[:3] = (colours - np.float32(MIDDLE)) / np.float32(MIDDLE)
    return found, luma.table


def benco_map(scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Brought to the picture's size: float32, `shape`. IMDL-BenCo itself scores at 512 x 512."""
    brought: NDArray[np.float32] = resized_map(scores, *shape)
    return brought
