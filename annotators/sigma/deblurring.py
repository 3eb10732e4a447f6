"""A blur of one whole image taken back, with the other image of the pair to go by.

Where an edit was blurred along with its image, its outline is smeared over a few pixels, and no comparison at equal
blur can find it again. But the sharp original is known: with G the blur, S the sharp image and X what the blurred image
B was before, B - G S = G (X - S). The right side is a blurred change that is zero nearly everywhere, and rounding is
nearly the only noise, so the change is the x that minimises

    sum of (G x - (B - G S))^2 / 2 + lambda * sum over the pixels of |x|,

|x| the length of a pixel's three channels; found by iterative shrinkage with momentum (FISTA; Beck and Teboulle, SIAM
Journal on Imaging Sciences 2(1), 2009).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from annotators.sigma.blur_kernels import Kernel, kernel_between, smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

    Planes = NDArray[np.float32]

LEAST = 0.9
"""Standard deviation of a blur, in pixels, under which outlines are sharp enough."""
SOFTER = 0.7
"""An image that was blurred as a whole has at most this share of the other's mean second derivative."""
QUIET = 0.05
"""Share of the pixels that are surely not edited, where edits may fill most of the frame."""
QUIET_SCALE = 0.479
"""Under noise of standard deviation 1 the largest of three channels is below this in that share of the pixels."""
ROUNDING = 12**-0.5
"""Standard deviation of what rounding to whole grey levels changes."""
DISTURBED = 0.65
"""Standard deviation, in grey levels and under the blur, of what else differs, beyond which nothing is taken back: a
coder has been at work, whose traces would be sharpened into changes."""
LIKE = 1.5
"""Times as much detail as the blurred sharp image a blurred one may have. A smooth one that was never blurred, beside a
noisy one, has more."""
SHIFT = 2.0
"""Grey levels up to which a pixel counts for how much brighter one image is as a whole."""
SHRINKAGE = 3.0
"""lambda, in standard deviations of the noise under the blur."""
STEPS = 60
CHANGED = 1.5
"""Grey levels; rounding alone stays under."""


class Blur(NamedTuple):
    """What one image of a pair went through.

    Attributes:
        kernel: of the columns and of the rows.
        of_edited: whether it is the edited image.
        noise: standard deviation of what is no edit, under the blur, in grey levels.
    """

    kernel: Kernel
    of_edited: bool
    noise: float


def sharpened(original: Image, edited: Image) -> tuple[Image, Image]:
    """The pair without the blur of one of them; the very same arrays where none of them was blurred alone.

    Args:
        original: H x W x 3, uint8, RGB.
        edited: the same shape.
    """
    blur = whole_blur(original, edited)
    if blur is None:
        return original, edited
    if blur.of_edited:
        return original, restored(original, edited, blur)
    return restored(edited, original, blur), edited


def whole_blur(original: Image, edited: Image) -> Blur | None:
    """The blur that one of the images went through as a whole; None where there is none, or where noise hides it."""
    details = [detail(image) for image in (original, edited)]
    if min(details) > SOFTER * max(details):
        return None
    of_edited, deviation = gaussian_between(original, edited)
    sharp, soft = (original, edited) if of_edited else (edited, original)
    if deviation < LEAST:
        return None
    kernel = kernel_between(sharp, soft, deviation)
    if kernel is None or kernel.deviation < LEAST or detail(soft) > LIKE * detail(smoothed(sharp, kernel)):
        return None
    left = unexplained(sharp, soft, kernel)
    slow = smoothed(left, kernel)
    if quiet_deviation(slow) > DISTURBED:
        return None
    # Slow differences are no matter, for they are not sharpened; what is fine and even is.
    grain = max(quiet_deviation(left - slow), ROUNDING)
    return Blur(kernel, of_edited, grain * kernel.gain)


def detail(image: Image) -> float:
    """Mean magnitude of the second derivative of the grey values."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())


def gaussian_between(original: Image, edited: Image) -> tuple[bool, float]:
    """Whether the edited image is the blurred one, and by which standard deviation in pixels; 0 for no blur."""
    import torch

    from annotators.sigma.network.blur_matching import blur_between

    with torch.inference_mode():
        planes = (
            torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255 for image in (original, edited)
        )
        match = blur_between(*planes)
    # What is blurred to match is the other one.
    of_original, of_edited = float(match.original[0]), float(match.edited[0])
    return of_original > 0, max(of_original, of_edited)


def quiet_deviation(planes: Planes) -> float:
    """Standard deviation beside an edit, judged by the pixels that differ least. H x W x 3, grey levels."""
    return float(np.quantile(np.abs(planes).max(axis=2), QUIET)) / QUIET_SCALE


def unexplained(sharp: Image, soft: Image, kernel: Kernel) -> Planes:
    """What remains of `soft` without the blurred `sharp` and a shift of colour: H x W x 3, float32, grey levels."""
    left = soft.astype(np.float32) - smoothed(sharp.astype(np.float32), kernel)
    quiet = np.abs(left).max(axis=2) <= SHIFT
    return left - np.median(left[quiet], axis=0) if quiet.any() else left


def restored(sharp: Image, soft: Image, blur: Blur) -> Image:
    """What `soft` was before it was blurred.

    Args:
        sharp: H x W x 3, uint8: the same picture, but for an edit.
        soft: the same shape.
        blur: that `soft` went through.

    Returns:
        H x W x 3, uint8; equal to `sharp` where nothing tells them apart.
    """
    wanted = unexplained(sharp, soft, blur.kernel)
    box = changed_box(wanted, blur.kernel.reach)
    result = sharp.copy()
    if wanted[box].size:
        change = unsmoothed(np.ascontiguousarray(wanted[box]), blur)
        result[box] = np.clip(np.rint(sharp[box] + change), 0, 255).astype(np.uint8)
    return result


def changed_box(difference: Planes, margin: int) -> tuple[slice, slice]:
    """Rows and columns of what is beyond rounding, and a margin; a single pixel does not count."""
    changed = (np.abs(difference).max(axis=2) > CHANGED).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(cv2.erode(changed, np.ones((2, 2), np.uint8)))
    if not width:
        return slice(0), slice(0)
    return slice(max(0, top - margin), top + height + margin), slice(max(0, left - margin), left + width + margin)


def unsmoothed(wanted: Planes, blur: Blur) -> Planes:
    """The sparse x of the module's formula, h x w x 3, float32, for `wanted` = B - G S."""
    found, ahead, momentum = np.zeros_like(wanted), np.zeros_like(wanted), 1.0
    shrinkage = np.float32(SHRINKAGE * blur.noise)
    for _ in range(STEPS):
        # A symmetric kernel is its own transpose; one of sum 1 without negative values has no gain above 1, so that
        # steps of 1 are safe.
        stepped = ahead + smoothed(wanted - smoothed(ahead, blur.kernel), blur.kernel)
        length = np.sqrt((stepped**2).sum(axis=2, keepdims=True))
        stepped *= np.maximum(0, 1 - shrinkage / np.maximum(length, 1e-6))
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = stepped + np.float32((momentum - 1) / following) * (stepped - found)
        found, momentum = stepped, following
    return found
