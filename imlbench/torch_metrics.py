"""The stored metrics as `torchmetrics.Metric` classes, for training loops.

`update` turns a batch into integer counts on the batch's device; `compute` hands them to `imlbench.metrics`, which
holds the only copy of every formula. Validation, counting and state are kept apart.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from imlbench.counting import BINS, Truth
from imlbench.errors import UserError
from imlbench.metrics import Average, Conventions, CountTable, Empty, Invert, sample_values
from imlbench.statistics import column_means


def check_batch(preds: Tensor, target: Tensor, ignore_index: int | None) -> None:
    """Validate what a training loop hands in.

    Raises:
        ValueError: a wrong shape, dtype or value, with what was expected.
    """
    if preds.shape != target.shape:
        raise ValueError(f"preds have shape {tuple(preds.shape)}, target {tuple(target.shape)}: expected the same")
    if not (preds.ndim == 3 or (preds.ndim == 4 and preds.shape[1] == 1)) or 0 in preds.shape[1:]:
        raise ValueError(f"expected N x H x W or N x 1 x H x W, found shape {tuple(preds.shape)}")
    if not preds.is_floating_point():
        raise ValueError(f"expected preds as floating-point scores in [0, 1], found {preds.dtype}")
    if target.is_floating_point() or target.is_complex():
        raise ValueError(f"expected target as bool or integers 0 and 1, found {target.dtype}")
    # Written so that NaN, for which every comparison is false, fails too.
    if not ((preds >= 0) & (preds <= 1)).all():
        raise ValueError("expected preds in [0, 1] without NaN; logits need a sigmoid first")
    known = (target == 0) | (target == 1)
    if ignore_index is not None:
        known |= target == ignore_index
    if not known.all():
        allowed = "0 and 1" if ignore_index is None else f"0, 1 and {ignore_index} (ignore_index)"
        raise ValueError(f"expected {allowed} in target, found {int(target[~known][0])}")


def kept_pixels(target: Tensor, ignore_index: int | None) -> Tensor:
    """Where `target` is not `ignore_index`: bool, the shape of `target`."""
    if ignore_index is None:
        return torch.ones_like(target, dtype=torch.bool)
    return target != ignore_index


def marked_pixels(preds: Tensor, threshold: float) -> Tensor:
    """Where the score, in float32, reaches the threshold, in float32: bool, the shape of `preds`."""
    return preds.float() >= torch.tensor(threshold, dtype=torch.float32, device=preds.device)


def batch_counts(preds: Tensor, target: Tensor, threshold: float, ignore_index: int | None) -> Tensor:
    """Columns tp, fp, fn, tn of each sample: N x 4, int64, on the batch's device."""
    marked, edited = marked_pixels(preds, threshold), target == 1
    kept = kept_pixels(target, ignore_index)
    marked, edited, unedited = marked & kept, edited & kept, ~edited & kept
    # Sums of bool run in int64; a float32 sum would lose pixels above 2^24.
    tp, positives, total = ((part).flatten(1).sum(dim=1) for part in (marked & edited, edited, kept))
    fp = (marked & unedited).flatten(1).sum(dim=1)
    fn = positives - tp
    return torch.stack([tp, fp, fn, total - tp - fp - fn], dim=1)


def batch_histograms(preds: Tensor, target: Tensor, ignore_index: int | None) -> Tensor:
    """Score bins of the unedited (row 0) and the edited (row 1) pixels: N x 2 x 256, int64, on the batch's device.

    The bin is min(255, floor(256 s)) in float32, as in `imlbench.counting.levels`.
    """
    samples = len(preds)
    bins = (preds.float() * BINS).clamp(max=BINS - 1).long()
    rows = torch.arange(samples, device=preds.device).view(-1, *[1] * (preds.ndim - 1)) * 2 + (target == 1)
    indices = (rows * BINS + bins)[kept_pixels(target, ignore_index)]
    return torch.bincount(indices, minlength=samples * 2 * BINS).view(samples, 2, BINS)


def batch_boundaries(preds: Tensor, target: Tensor, threshold: float, tolerance: int) -> Tensor:
    """Boundary pixels: predicted, of these matched, true, of these matched: N x 4, int64, counted on the CPU."""
    height, width = preds.shape[-2:]
    marked = marked_pixels(preds, threshold).view(-1, height, width).cpu().numpy()
    edited = (target == 1).view(-1, height, width).cpu().numpy()
    rows = []
    for one_marked, one_edited in zip(marked, edited, strict=True):
        found = Truth(one_edited, tolerance).count(one_marked, threshold).boundary
        assert found is not None
        rows.append((found.predicted, found.predicted_matched, found.true, found.true_matched))
    return torch.tensor(rows, dtype=torch.int64, device=preds.device).view(-1, 4)


class CountMetric(Metric):
    """A metric of `imlbench.metrics` over the samples of all batches, on all processes.

    The states are counts per sample, concatenated and never summed: 4 integers a sample, and 512 more where the
    metric ranks pixels. Metrics of a `MetricCollection` with equal settings share them.

    `update(preds, target)` takes scores in [0, 1] (N x H x W or N x 1 x H x W, any floating-point type, compared in
    float32) and a target of the same shape (bool, or the integers 0 and 1, 1 = edited). It raises ValueError on
    anything else. `compute()` gives a float64 scalar (float32 where the device has no float64), equal to the number
    stored for the same maps; NaN where no sample has a value.

    Args:
        threshold: a pixel is marked as edited where its score >= threshold, in [0, 1]. Without effect on `AUROC`,
            `AveragePrecision` and `OracleF1`.
        empty: see `imlbench.metrics.Conventions`; likewise `average` and `invert`.
        average: image = mean of the samples' values, pixel = value of the pooled counts.
        invert: never, or best = the better of a map and its inverse.
        ignore_index: target value of pixels to leave out; a sample without any other pixel is left out.
        validate_args: False skips the tests of the values, each of which waits for the device.
        **kwargs: options of `torchmetrics.Metric`.

    Raises:
        UserError: an unknown convention, a threshold outside [0, 1], or an `ignore_index` of 0 or 1.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    metric_name: ClassVar[str]
    state_shapes: ClassVar[dict[str, tuple[int, ...]]] = {"counts": (4,)}

    def __init__(
        self,
        threshold: float = 0.5,
        *,
        empty: Empty = "one",
        average: Average = "image",
        invert: Invert = "never",
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold <= 1:
            raise UserError(f"threshold={threshold}: expected a number from 0 to 1")
        if ignore_index in (0, 1):
            raise UserError(f"ignore_index={ignore_index}: 0 and 1 mean unedited and edited; choose another value")
        self.threshold = threshold
        self.conventions = Conventions(empty, average, invert)
        self.ignore_index = ignore_index
        self.validate_args = validate_args
        for name in self.state_shapes:
            self.add_state(name, default=[], dist_reduce_fx="cat")
        # A collection lets metrics share states that look alike after the first batch. Those of two thresholds
        # can, on a map of zeros and ones; the settings among the states keep them apart.
        self.add_state("settings", default=torch.tensor(list(self._settings().encode())), dist_reduce_fx="max")

    def _settings(self) -> str:
        """What the counts depend on besides the data."""
        return f"{float(self.threshold)!r} {self.ignore_index}"

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count a batch.

        Args:
            preds: N x H x W or N x 1 x H x W, floating point, scores in [0, 1].
            target: the same shape, bool or integers; 1 = edited.

        Raises:
            ValueError: a wrong shape, dtype or value.
        """
        if self.validate_args:
            check_batch(preds, target, self.ignore_index)
        preds, target = preds.detach(), target.detach()
        for name in self.state_shapes:
            self._rows(name).append(self._count(name, preds, target))

    def _count(self, name: str, preds: Tensor, target: Tensor) -> Tensor:
        """Rows of one state for a batch."""
        if name == "histogram":
            return batch_histograms(preds, target, self.ignore_index)
        return batch_counts(preds, target, self.threshold, self.ignore_index)

    def compute(self) -> Tensor:
        """The metric over all samples seen: a scalar, NaN where no sample has a value."""
        value = float("nan")
        table = self._table()
        if len(table) and self.conventions.average == "pixel":
            value = float(sample_values(table.pooled(), self.metric_name, self.conventions)[0])
        elif len(table):
            values = sample_values(table, self.metric_name, self.conventions)
            value = float(column_means(values[:, np.newaxis])[0][0])
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.tensor(value, dtype=dtype, device=self.device)

    def _rows(self, name: str) -> list[Tensor]:
        """The tensors of a state: a list before synchronisation between processes, one tensor after it."""
        state: list[Tensor] | Tensor = getattr(self, name)
        return [state] if isinstance(state, Tensor) else state

    def _table(self) -> CountTable:
        """The states as a table of the samples that hold any pixel."""
        parts = {}
        for name, shape in self.state_shapes.items():
            nothing = torch.empty((0, *shape), dtype=torch.int64, device=self.device)
            parts[name] = torch.cat([nothing, *self._rows(name)]).cpu().numpy()
        counts = parts["counts"]
        kept = counts.sum(axis=1) > 0
        # Metrics that need no histogram get one of a single bin, which they do not look at.
        histogram = parts.get("histogram", np.zeros((len(counts), 2, 1), dtype=np.int64))
        boundary = parts.get("boundary", np.full((len(counts), 4), -1, dtype=np.int64))
        return CountTable(*counts[kept].T, histogram[kept], boundary[kept])

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gather the states of all processes; one without samples takes part with no rows of the right type."""
        for name, shape in self.state_shapes.items():
            if not len(getattr(self, name)):
                setattr(self, name, [torch.empty((0, *shape), dtype=torch.int64, device=self.device)])
        super().sync(*args, **kwargs)

    def set_dtype(self, dst_type: str | torch.dtype) -> CountMetric:
        """Change nothing: counts stay 64-bit integers, as in half precision they would be wrong."""
        return self


class RankingMetric(CountMetric):
    """A metric that follows from the histogram of scores; its resolution is 256 bins."""

    state_shapes = {"counts": (4,), "histogram": (2, BINS)}  # noqa: RUF012 - declared ClassVar above


class F1(CountMetric):
    """2 tp / (2 tp + fp + fn)."""

    metric_name = "f1"


class IoU(CountMetric):
    """tp / (tp + fp + fn)."""

    metric_name = "iou"


class Precision(CountMetric):
    """tp / (tp + fp)."""

    metric_name = "precision"


class Recall(CountMetric):
    """tp / (tp + fn)."""

    metric_name = "recall"


class MCC(CountMetric):
    """Matthews' correlation coefficient, -1 to 1."""

    metric_name = "mcc"
    plot_lower_bound = -1.0


class AUROC(RankingMetric):
    """Area under the ROC curve; samples with one class only are left out."""

    metric_name = "auc"


class AveragePrecision(RankingMetric):
    """Area under the precision-recall steps; samples without edited pixels are left out."""

    metric_name = "ap"


class OracleF1(RankingMetric):
    """F1 at each sample's best threshold, which is known only from the truth: an upper bound."""

    metric_name = "f1_oracle"


class BoundaryF1(CountMetric):
    """Harmonic mean of the shares of predicted and true boundary pixels within `tolerance` of the other's.

    Counted on the CPU, sample by sample. Pixels cannot be left out, as that would make boundaries of its own, and
    the inverse of a map has no boundary F1, so that `invert` is without effect.

    Args:
        tolerance: in pixels, Euclidean, 0 or more.
        threshold: as in `CountMetric`; likewise `empty` and `average`.
        empty: as in `CountMetric`.
        average: as in `CountMetric`.
        validate_args: as in `CountMetric`.
        **kwargs: options of `torchmetrics.Metric`.
    """

    metric_name = "boundary_f1"
    state_shapes = {"counts": (4,), "boundary": (4,)}  # noqa: RUF012 - declared ClassVar above

    def __init__(
        self,
        tolerance: int,
        threshold: float = 0.5,
        *,
        empty: Empty = "one",
        average: Average = "image",
        validate_args: bool = True,
        **kwargs: Any,
    ) -> None:
        if tolerance < 0:
            raise UserError(f"tolerance={tolerance}: expected 0 pixels or more")
        self.tolerance = tolerance
        super().__init__(threshold, empty=empty, average=average, validate_args=validate_args, **kwargs)

    def _settings(self) -> str:
        return f"{super()._settings()} {self.tolerance}"

    def _count(self, name: str, preds: Tensor, target: Tensor) -> Tensor:
        if name == "boundary":
            return batch_boundaries(preds, target, self.threshold, self.tolerance)
        return super()._count(name, preds, target)
