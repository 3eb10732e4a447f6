"""The stored metrics as `torchmetrics.Metric` classes, for training loops.

`update` turns a batch into integer counts on the batch's device; `compute` hands them to `imlbench.metrics`, which
holds the only copy of every formula. Validation and counting are functions of `imlbench.torch_counting`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from imlbench.errors import UserError
from imlbench.histograms import BINS
from imlbench.metrics import Average, Conventions, CountTable, Empty, Invert, sample_values
from imlbench.statistics import column_means
from imlbench.torch_counting import batch_boundaries, batch_counts, batch_histograms, check_format, check_values


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
            preds: N x H x W or N x 1 x H x W, floating point, scores in [0, 1], compared in float32.
            target: the same shape, bool or integers; 1 = edited.

        Raises:
            ValueError: a wrong shape, dtype or value.
        """
        check_format(preds, target)
        preds = preds.detach().float()
        if self.validate_args:
            check_values(preds, target, self.ignore_index)
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
        kept = parts["counts"].sum(axis=1) > 0
        counts = parts["counts"][kept]
        # Metrics that need no histogram get one of a single bin, which they do not look at.
        histogram = parts.get("histogram", np.zeros((len(kept), 2, 1), dtype=np.int64))[kept]
        boundary = parts.get("boundary", np.full((len(kept), 4), -1, dtype=np.int64))[kept]
        return CountTable(counts[:, 0], counts[:, 1], counts[:, 2], counts[:, 3], histogram, boundary)

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

    state_shapes: ClassVar[dict[str, tuple[int, ...]]] = {"counts": (4,), "histogram": (2, BINS)}


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
    state_shapes: ClassVar[dict[str, tuple[int, ...]]] = {"counts": (4,), "boundary": (4,)}

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
