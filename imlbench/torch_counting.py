"""From a batch of score maps and masks to the integers of `imlbench.counting`, on the batch's device.

Pure functions. Scores are float32 throughout: `imlbench.torch_metrics` converts other types first.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from imlbench.counting import Truth
from imlbench.histograms import BINS


def check_format(preds: Tensor, target: Tensor) -> None:
    """Validate shapes and dtypes, without waiting for the device.

    Raises:
        ValueError: a wrong shape or dtype, with what was expected.
    """
    if preds.shape != target.shape:
        raise ValueError(f"preds have shape {tuple(preds.shape)}, target {tuple(target.shape)}: expected the same")
    if not (preds.ndim == 3 or (preds.ndim == 4 and preds.shape[1] == 1)) or 0 in preds.shape[1:]:
        raise ValueError(f"expected N x H x W or N x 1 x H x W, found shape {tuple(preds.shape)}")
    if not preds.is_floating_point():
        raise ValueError(f"expected preds as floating-point scores in [0, 1], found {preds.dtype}")
    if target.is_floating_point() or target.is_complex():
        raise ValueError(f"expected target as bool or integers 0 and 1, found {target.dtype}")


def check_values(preds: Tensor, target: Tensor, ignore_index: int | None) -> None:
    """Validate the values of scores (float32) and target.

    Raises:
        ValueError: a score outside [0, 1] or NaN, or a target that is neither 0, 1 nor `ignore_index`.
    """
    # Written so that NaN, for which every comparison is false, fails too.
    if not ((preds >= 0) & (preds <= 1)).all():
        raise ValueError("expected preds in [0, 1] without NaN; logits need a sigmoid first")
    known = (target == 0) | (target == 1) | ignored_pixels(target, ignore_index)
    if not known.all():
        allowed = "0 and 1" if ignore_index is None else f"0, 1 and {ignore_index} (ignore_index)"
        raise ValueError(f"expected {allowed} in target, found {int(target[~known][0])}")


def ignored_pixels(target: Tensor, ignore_index: int | None) -> Tensor:
    """Where `target` is `ignore_index`: bool, the shape of `target`."""
    if ignore_index is None:
        return torch.zeros_like(target, dtype=torch.bool)
    # In 64 bits, as -1 would equal 255 in a uint8 comparison.
    return target.long() == ignore_index


def marked_pixels(preds: Tensor, threshold: float) -> Tensor:
    """Where the score (float32) reaches the threshold, rounded to float32: bool, the shape of `preds`."""
    return preds >= float(np.float32(threshold))


def batch_counts(preds: Tensor, target: Tensor, threshold: float, ignore_index: int | None) -> Tensor:
    """Columns tp, fp, fn, tn of each sample: N x 4, int64, on the batch's device."""
    marked, edited = marked_pixels(preds, threshold), target == 1
    unedited = ~(edited | ignored_pixels(target, ignore_index))
    # Sums of bool run in int64; a float32 sum would lose pixels above 2^24.
    parts = (marked & edited, marked & unedited, ~marked & edited, ~marked & unedited)
    return torch.stack([part.flatten(1).sum(dim=1) for part in parts], dim=1)


def batch_histograms(preds: Tensor, target: Tensor, ignore_index: int | None) -> Tensor:
    """Score bins of the unedited (row 0) and the edited (row 1) pixels: N x 2 x 256, int64, on the batch's device.

    The bin is min(255, floor(256 s)) in float32, as in `imlbench.histograms.levels`.
    """
    samples = len(preds)
    bins = (preds * BINS).clamp(max=BINS - 1).long().flatten(1)
    rows = torch.arange(samples, device=preds.device)[:, None] * 2 + (target == 1).flatten(1)
    indices = rows * BINS + bins
    indices = indices.flatten() if ignore_index is None else indices[~ignored_pixels(target, ignore_index).flatten(1)]
    return torch.bincount(indices, minlength=samples * 2 * BINS).view(samples, 2, BINS)


def batch_boundaries(preds: Tensor, target: Tensor, threshold: float, tolerance: int) -> Tensor:
    """Boundary pixels: predicted, of these matched, true, of these matched: N x 4, int64, counted on the CPU."""
    height, width = preds.shape[-2:]
    marked = marked_pixels(preds, threshold).reshape(-1, height, width).cpu().numpy()
    edited = (target == 1).reshape(-1, height, width).cpu().numpy()
    rows = []
    for one_marked, one_edited in zip(marked, edited, strict=True):
        found = Truth(one_edited, tolerance).count(one_marked, threshold).boundary
        assert found is not None
        rows.append((found.predicted, found.predicted_matched, found.true, found.true_matched))
    return torch.tensor(rows, dtype=torch.int64, device=preds.device).view(-1, 4)
