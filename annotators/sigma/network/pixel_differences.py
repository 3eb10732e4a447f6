"""How much the pixels themselves change, finely and on average: it tells a clean composite from a whole re-encoded."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

NEIGHBOURHOODS = (1, 3, 5, 9)
"""Sides, in cells, of the squares over which changes of colour are averaged. Blur, noise and compression leave the
averages nearly as they are; a change of content does not."""


def pixel_channels(cell: int) -> int:
    """Channels of `pixel_differences`."""
    return cell**2 + 3 * len(NEIGHBOURHOODS)


def pixel_differences(original: Tensor, edited: Tensor, cell: int) -> Tensor:
    """Magnitudes of change per cell, on a logarithmic scale: one grey level is as far from none as 255 from 127.

    log2(1 + 255 |x|) / 8, for x = the difference of each pixel (the largest of its three channels), then for x = the
    mean difference per channel over squares of 1, 3, 5 and 9 cells a side. Float32, whatever the precision around it.

    Args:
        original: B x 3 x H x W, in [0, 1].
        edited: the same shape.
        cell: c, the cell's side in pixels.

    Returns:
        B x (c^2 + 12) x ceil(H / c) x ceil(W / c), in [0, 1]; pixels beyond the border repeat it.
    """
    change = edited.float() - original.float()
    rows, columns = (-side % cell for side in change.shape[2:])
    if rows or columns:
        change = functional.pad(change, (0, columns, 0, rows), mode="replicate")
    fine = functional.pixel_unshuffle(change.abs().amax(1, keepdim=True), cell)
    mean = functional.avg_pool2d(change, cell)
    coarse = [_averaged(mean, side).abs() for side in NEIGHBOURHOODS]
    return torch.log2(1 + 255 * torch.cat([fine, *coarse], dim=1)) / 8


def _averaged(mean: Tensor, side: int) -> Tensor:
    """The mean over side x side cells, fewer at the border."""
    return functional.avg_pool2d(mean, side, stride=1, padding=side // 2, count_include_pad=False)
