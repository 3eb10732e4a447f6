"""Blur of a whole image undone for the comparison: the sharper image of a pair is blurred as the other one is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

LARGEST = 8.0
"""Standard deviation in pixels up to which blur is looked for."""
COARSE = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
FINE = (0.81, 0.87, 0.93, 1.0, 1.07, 1.15, 1.23)
"""Factors on the best of `COARSE`, whose neighbours differ from it by 1.4."""
SEEN = 7.0
"""Grey levels beyond which a change is no larger: otherwise a blur that only weakens an edit's contrast would win."""
GAIN = 0.97
"""The mean change, on the logarithmic scale, must fall at least to this share of itself: noise is no blur."""
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601."""


class Match(NamedTuple):
    """How the images of a batch are brought to equal blur.

    Attributes:
        original: B, standard deviation in pixels of the Gaussian for the original; 0 = left as it is.
        edited: B, likewise for the edited image; one of the two is always 0.
    """

    original: Tensor
    edited: Tensor


def matched(original: Tensor, edited: Tensor) -> tuple[Tensor, Tensor]:
    """Both images at the blur of the more blurred one, float32.

    Args:
        original: B x 3 x H x W, in [0, 1].
        edited: the same shape.
    """
    # Half precision has fewer steps than an image has grey levels.
    with torch.autocast(original.device.type, enabled=False):
        original, edited = original.float(), edited.float()
        match = blur_between(original, edited)
        return blurred(original, match.original), blurred(edited, match.edited)


def blur_between(original: Tensor, edited: Tensor) -> Match:
    """The Gaussian that explains most of the change between two images.

    The one after which the mean of log2(1 + min(255 |difference|, SEEN)) is least. What is edited differs by more under
    any Gaussian and so has no say. Looked for on the luma at half the size, first coarsely, then around the best.

    Args:
        original: B x 3 x H x W, float32, in [0, 1].
        edited: the same shape.
    """
    weights = original.new_tensor(LUMA).view(1, 3, 1, 1)
    before, after = (_halved((image * weights).sum(1, keepdim=True)) for image in (original, edited))
    # Both directions at once: twice as many pairs, in each of which the first image is blurred.
    first, second = torch.cat([before, after]), torch.cat([after, before])
    none = _change(first - second)
    coarse = first.new_tensor(COARSE).expand(len(first), -1)
    best = coarse.gather(1, _residuals(first, second, coarse).argmin(1, keepdim=True))
    fine = best * first.new_tensor(FINE)
    residuals = _residuals(first, second, fine)
    least, place = residuals.min(1)
    deviations = fine.gather(1, place[:, None])[:, 0].clamp(max=LARGEST)
    forward, backward = least.chunk(2)
    worth = torch.minimum(forward, backward) <= GAIN * none.chunk(2)[0]
    of_original, of_edited = deviations.chunk(2)
    return Match(of_original * (worth & (forward <= backward)), of_edited * (worth & (forward > backward)))


def blurred(images: Tensor, deviations: Tensor) -> Tensor:
    """Each image under its own Gaussian; deviation 0 leaves it alone. B x C x H x W and B -> the same shape."""
    if not deviations.any():
        return images
    found = images.clone()
    for place in deviations.nonzero()[:, 0].tolist():
        planes = images[place][:, None]
        found[place] = _smoothed(planes, deviations[place].view(1, 1))[:, 0]
    return found


def _halved(plane: Tensor) -> Tensor:
    """Means over 2 x 2 pixels; a side of one pixel stays."""
    sides = [2 if side > 1 else 1 for side in plane.shape[2:]]
    return functional.avg_pool2d(plane, sides)


def _residuals(first: Tensor, second: Tensor, deviations: Tensor) -> Tensor:
    """B x 1 x h x w planes at half the size, B x K deviations in whole pixels -> B x K mean changes."""
    rows = [
        _change(_smoothed(one[None], tried[None] / 2) - other)
        for one, other, tried in zip(first, second, deviations, strict=True)
    ]
    return torch.cat(rows)


def _change(difference: Tensor) -> Tensor:
    """B x K x h x w -> B x K, or B where K is one: means of log2(1 + min(255 |x|, SEEN))."""
    return torch.log2(1 + (255 * difference.abs()).clamp(max=SEEN)).mean((2, 3)).squeeze(1)


def _smoothed(planes: Tensor, deviations: Tensor) -> Tensor:
    """N x 1 x h x w under each of K Gaussians, 1 x K: N x K x h x w; the border is repeated."""
    kernels = _kernels(deviations[0])
    count, reach = len(kernels), kernels.shape[1] // 2
    across = functional.conv2d(
        functional.pad(planes, (reach, reach, 0, 0), mode="replicate"), kernels[:, None, None, :]
    )
    down = functional.pad(across, (0, 0, reach, reach), mode="replicate")
    return functional.conv2d(down, kernels[:, None, :, None], groups=count)


def _kernels(deviations: Tensor) -> Tensor:
    """K x (2 r + 1), r = three of the largest deviation rounded up; each row sums to one."""
    reach = max(1, int((3 * deviations.max()).ceil()))
    places = torch.arange(-reach, reach + 1, device=deviations.device, dtype=torch.float32)
    weights = torch.exp(-0.5 * (places / deviations[:, None].clamp(min=1e-3)) ** 2)
    return weights / weights.sum(1, keepdim=True)
