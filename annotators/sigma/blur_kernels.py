"""The exact kernel of a separable blur between two images that differ by an edit besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

    Planes = NDArray[np.float32]

REACH = 3.5
"""Standard deviations on either side of a kernel's centre."""
TRUSTED = (6.0, 4.0, 2.0, 1.5, 1.5)
"""Grey levels by which a pixel may differ and yet have a say in the kernel, fit after fit."""
BORDERS = (cv2.BORDER_REFLECT_101, cv2.BORDER_REPLICATE)
"""What programs take to be beyond an image's border: its mirror image (OpenCV), or the border itself (Pillow)."""
SEEN = 7.0
"""Grey levels beyond which a pixel of the border differs no more: there it was edited."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A blur of the columns and, alike, of the rows.

    Attributes:
        weights: 2 r + 1, float32, symmetric, none negative, of sum 1.
        border: of `BORDERS`.
    """

    weights: NDArray[np.float32]
    border: int = cv2.BORDER_REFLECT_101

    @property
    def reach(self) -> int:
        """r, in pixels."""
        return len(self.weights) // 2

    @property
    def deviation(self) -> float:
        """Standard deviation of the weights' places, in pixels."""
        places = np.arange(-self.reach, self.reach + 1)
        return float((self.weights * places**2).sum() ** 0.5)

    @property
    def gain(self) -> float:
        """The standard deviation that is left of independent noise of standard deviation 1."""
        return float((self.weights**2).sum())


@overload
def smoothed(planes: Planes, kernel: Kernel) -> Planes: ...
@overload
def smoothed(planes: Image, kernel: Kernel) -> Image: ...
def smoothed(planes: Planes | Image, kernel: Kernel) -> Planes | Image:
    """H x W or H x W x C, float32 or uint8, under the blur: the same shape and type."""
    return cv2.sepFilter2D(planes, -1, kernel.weights, kernel.weights, borderType=kernel.border)  # type: ignore[return-value]


def kernel_between(sharp: Image, soft: Image, deviation: float) -> Kernel | None:
    """The blur that makes `soft` of `sharp`, beside an edit: programs cut a Gaussian off, or approximate it.

    By least squares on the grey values, over the pixels that are explained already: in turns, the rows are blurred with
    what is known and the kernel of the columns is solved for.

    Args:
        sharp: H x W x 3, uint8.
        soft: the same shape.
        deviation: of the Gaussian that comes near, in pixels.

    Returns:
        None where the images are too small for it, or nothing in them tells.
    """
    reach = int(np.ceil(REACH * deviation))
    if min(sharp.shape[:2]) <= 4 * reach:
        return None
    before, after = _grey(sharp), _grey(soft)
    weights = np.asarray(cv2.getGaussianKernel(2 * reach + 1, deviation)[:, 0], np.float32)
    for trusted in TRUSTED:
        solved = _columns(before, after, weights, trusted)
        if solved is None:
            return None
        # What was too wide for the rows has come out too narrow for the columns.
        weights = ((weights + solved) / 2).astype(np.float32)
    return Kernel(weights, _border(before, after, weights))


def _grey(image: Image) -> Planes:
    """H x W, float32: not rounded again."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY))


def _columns(before: Planes, after: Planes, rows: NDArray[np.float32], trusted: float) -> NDArray[np.float64] | None:
    """The kernel of the columns, given that of the rows; None where the pixels do not tell. H x W."""
    reach = len(rows) // 2
    inner = slice(reach, -reach), slice(reach, -reach)
    error = np.abs(smoothed(before, Kernel(rows))[inner] - after[inner])
    chosen = error <= trusted
    across = np.asarray(cv2.sepFilter2D(before, -1, rows, np.ones(1, np.float32)))[:, reach:-reach]
    height = len(error)
    shifted = [across[step : step + height][chosen] for step in range(2 * reach + 1)]
    # A symmetric kernel has as many unknowns as one of its sides.
    sides = [shifted[reach], *(shifted[reach - step] + shifted[reach + step] for step in range(1, reach + 1))]
    table = np.stack(sides, axis=1).astype(np.float64)
    half = np.linalg.lstsq(table.T @ table, table.T @ after[inner][chosen].astype(np.float64), rcond=1e-10)[0]
    solved = np.maximum(np.concatenate([half[:0:-1], half]), 0)
    return solved / solved.sum() if solved.any() else None


def _border(before: Planes, after: Planes, weights: NDArray[np.float32]) -> int:
    """The kind of border under which least remains at the border."""
    reach = len(weights) // 2

    def left(border: int) -> float:
        error = np.minimum(np.abs(smoothed(before, Kernel(weights, border)) - after), SEEN)
        error[reach:-reach, reach:-reach] = 0
        return float(error.sum())

    return min(BORDERS, key=left)
