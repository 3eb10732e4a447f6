"""From counts to numbers: vectorised over samples, with every convention named.

All functions take counts, never images, so that changing a convention needs no model and no decoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from imlbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

METRIC_VERSION = "1"
"""Changes whenever a stored count or a derived number may change."""

Empty = Literal["one", "skip", "zero"]
Average = Literal["image", "pixel"]
Invert = Literal["never", "best"]


@dataclass(frozen=True, slots=True)
class Conventions:
    """Choices that change numbers; printed in every table's footer and stored with the run.

    Attributes:
        empty: value of F1, IoU, precision, recall and boundary F1 where neither truth nor prediction marks a
            pixel: one, or zero (as IMDL-BenCo has it), or skip the sample.
        average: image = mean of the samples' values (the published tables'), pixel = value of the pooled counts.
        invert: never, or best = the better of a map and its inverse per sample (as TruFor's published numbers).
    """

    empty: Empty = "one"
    average: Average = "image"
    invert: Invert = "never"

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            allowed = get_args({"empty": Empty, "average": Average, "invert": Invert}[name])
            if value not in allowed:
                raise UserError(f"{name}={value!r}: expected one of {', '.join(allowed)}")

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in asdict(self).items())


@dataclass(frozen=True)
class CountTable:
    """Counts of n samples.

    Attributes:
        tp: n, int64. Likewise fp, fn, tn.
        histogram: n x 2 x 256, int64: unedited and edited pixels by score bin.
        boundary: n x 4, int64: predicted, predicted matched, true, true matched; -1 where not computed.
    """

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tn: NDArray[np.int64]
    histogram: NDArray[np.int64]
    boundary: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tp)

    @cached_property
    def cumulated(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """False and true positives at each threshold: n x 257, column j for "score bin >= 256 - j"."""
        sums = np.zeros((2, len(self), self.histogram.shape[2] + 1), dtype=np.int64)
        for row in (0, 1):
            np.cumsum(self.histogram[:, row, ::-1], axis=1, out=sums[row, :, 1:])
        return sums[0], sums[1]

    def inverse(self) -> CountTable:
        """Counts of the inverted decision and of the inverted scores."""
        unknown = np.full_like(self.boundary, -1)
        return CountTable(self.fn, self.tn, self.tp, self.fp, self.histogram[:, :, ::-1], unknown)

    def marking_everything(self) -> CountTable:
        """Counts of a map with the score 1 everywhere: what whoever has learned nothing may reach."""
        edited, unedited = self.tp + self.fn, self.fp + self.tn
        histogram = np.zeros_like(self.histogram)
        if histogram.shape[2]:
            histogram[:, :, -1] = np.stack([unedited, edited], axis=1)
        none = np.zeros_like(edited)
        return CountTable(edited, unedited, none, none, histogram, np.full_like(self.boundary, -1))

    def pooled(self, weights: NDArray[np.float64] | None = None) -> CountTable:
        """Sum over samples: one row, or one per row of `weights` (m x n, how often each sample counts).

        Sums run in float64, whose products are fast and which counts exactly up to 2^53 pixels.
        """
        rows = np.ones((1, len(self))) if weights is None else weights
        known = (self.boundary >= 0).all(axis=1, keepdims=True)
        boundary = np.where(rows @ known > 0, rows @ np.where(known, self.boundary, 0), -1)
        columns = np.stack([self.tp, self.fp, self.fn, self.tn], axis=1)
        tp, fp, fn, tn = (rows @ columns).T.astype(np.int64)
        histogram = (rows @ self.histogram.reshape(len(self), -1)).reshape(len(rows), 2, -1)
        return CountTable(tp, fp, fn, tn, histogram.astype(np.int64), boundary.astype(np.int64))


def ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64], undefined: float = 0.0) -> Values:
    """numerator / denominator in float64, `undefined` where the denominator is zero."""
    result = np.full(len(numerator), undefined)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def blank(table: CountTable) -> NDArray[np.bool_]:
    """Where neither truth nor prediction marks a pixel."""
    nothing: NDArray[np.bool_] = (table.tp + table.fp + table.fn) == 0
    return nothing


def with_empty(values: Values, nothing: NDArray[np.bool_], empty: Empty) -> Values:
    """`values` with the convention's value where there was nothing to find and nothing was found."""
    return np.where(nothing, {"one": 1.0, "zero": 0.0, "skip": np.nan}[empty], values)


def f1(table: CountTable, empty: Empty = "one") -> Values:
    """2 tp / (2 tp + fp + fn)."""
    return with_empty(ratio(2 * table.tp, 2 * table.tp + table.fp + table.fn), blank(table), empty)


def iou(table: CountTable, empty: Empty = "one") -> Values:
    """tp / (tp + fp + fn), the Jaccard index of the edited class."""
    return with_empty(ratio(table.tp, table.tp + table.fp + table.fn), blank(table), empty)


def precision(table: CountTable, empty: Empty = "one") -> Values:
    """tp / (tp + fp); 0 where nothing is marked but something should be."""
    return with_empty(ratio(table.tp, table.tp + table.fp), blank(table), empty)


def recall(table: CountTable, empty: Empty = "one") -> Values:
    """tp / (tp + fn); 0 where something is marked but nothing should be."""
    return with_empty(ratio(table.tp, table.tp + table.fn), blank(table), empty)


def mcc(table: CountTable, empty: Empty = "one") -> Values:
    """Matthews' correlation coefficient, -1 to 1; 0 where undefined, as in scikit-learn."""
    tp, fp, fn, tn = (column.astype(np.float64) for column in (table.tp, table.fp, table.fn, table.tn))
    # The product of the four sums overflows int64 from about 50,000 pixels on. The root of a square is exact, so
    # that these pairs make a perfect prediction exactly 1; rounding may carry its opposite past -1.
    denominator = np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn))
    result = np.zeros(len(table))
    np.divide(tp * tn - fp * fn, denominator, out=result, where=denominator != 0)
    return np.clip(result, -1.0, 1.0)


def auc(table: CountTable, empty: Empty = "one") -> Values:
    """Area under the ROC curve over the 256 bins, ties by the trapezoid rule; NaN where a class is absent."""
    fp, tp = table.cumulated
    area = (np.diff(fp).astype(np.float64) * (tp[:, 1:] + tp[:, :-1])).sum(axis=1) / 2
    total = fp[:, -1].astype(np.float64) * tp[:, -1]
    return np.where(total > 0, area / np.maximum(total, 1), np.nan)


def average_precision(table: CountTable, empty: Empty = "one") -> Values:
    """Sum over thresholds of (R_k - R_(k-1)) P_k, without interpolation; NaN where nothing is edited."""
    fp, tp = table.cumulated
    marked = fp[:, 1:] + tp[:, 1:]
    precisions = tp[:, 1:] / np.maximum(marked, 1)
    area = (np.diff(tp) * precisions).sum(axis=1)
    total = tp[:, -1]
    return np.where(total > 0, area / np.maximum(total, 1), np.nan)


def false_alarms(table: CountTable) -> Values:
    """fp / (fp + tn), the share of the unedited pixels that are marked: n values, lower is better.

    NaN where every pixel is edited. Of an authentic image it is the share of its whole area.
    """
    return ratio(table.fp, table.fp + table.tn, undefined=np.nan)


def image_auc(scores: Values, manipulated: NDArray[np.bool_], weights: Values | None = None) -> Values:
    """Area under the ROC curve of image scores: the chance that a manipulated image scores above an authentic one.

    Ties count half (Mann-Whitney), so that a detector that says the same of every image has 0.5.

    Args:
        scores: n image scores.
        manipulated: n, True = manipulated, False = authentic.
        weights: m x n, how often each image counts; None = once each.

    Returns:
        m values, or one; NaN where a class is absent.
    """
    counted = np.ones((1, len(scores))) if weights is None else weights
    if not len(scores):
        return np.full(len(counted), np.nan)
    levels, places = np.unique(scores, return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(len(levels)))
    # Images of one score are one step of the curve.
    found, wrong = (
        np.add.reduceat((counted * chosen)[:, order], starts, axis=1) for chosen in (manipulated, ~manipulated)
    )
    below = np.cumsum(wrong, axis=1) - wrong
    pairs = found.sum(axis=1) * wrong.sum(axis=1)
    area = (found * (below + wrong / 2)).sum(axis=1)
    values = np.full(len(counted), np.nan)
    np.divide(area, pairs, out=values, where=pairs > 0)
    return values


def f1_curve(table: CountTable, empty: Empty = "one") -> Values:
    """F1 at every threshold: n x 257, column t for "score bin >= t", column 256 for marking nothing."""
    fp, tp = (sums[:, ::-1] for sums in table.cumulated)
    edited = tp[:, :1]
    denominator = fp + tp + edited
    curve = 2 * tp / np.maximum(denominator, 1)
    return with_empty(curve, denominator == 0, empty)


def f1_oracle(table: CountTable, empty: Empty = "one") -> Values:
    """F1 at the best threshold of each sample, which is known only from the truth: an upper bound."""
    best: Values = f1_curve(table, empty).max(axis=1)
    return best


def boundary_f1(table: CountTable, empty: Empty = "one") -> Values:
    """Harmonic mean of the matched shares of predicted and true boundary pixels; NaN where not computed.

    Where neither has a boundary, each marks every pixel or none: 1 if they agree on which, else 0.

    Csurka et al., What is a good evaluation measure for semantic segmentation?, BMVC 2013.
    """
    predicted, predicted_matched, true, true_matched = table.boundary.T
    precisions, recalls = ratio(predicted_matched, predicted), ratio(true_matched, true)
    total = precisions + recalls
    values = np.zeros(len(table))
    np.divide(2 * precisions * recalls, total, out=values, where=total > 0)
    agree = (predicted == 0) & (true == 0) & (table.fp == 0) & (table.fn == 0)
    values = with_empty(np.where(agree, 1.0, values), blank(table), empty)
    return np.where(predicted < 0, np.nan, values)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's facts.

    Attributes:
        name: key in frames and options.
        title: name in tables.
        function: counts and the empty convention -> n values.
        lowest: the smallest value it can take; the largest is 1 for all. Higher is better for all.
        soft: whether it follows from the histogram alone, not from the decision at the threshold.
        note: what a reader must know, empty where the name says it.
    """

    name: str
    title: str
    function: Callable[[CountTable, Empty], Values]
    lowest: float = 0.0
    soft: bool = False
    note: str = ""


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("f1", "F1", f1),
        Metric("iou", "IoU", iou),
        Metric("precision", "Precision", precision),
        Metric("recall", "Recall", recall),
        Metric("mcc", "MCC", mcc, lowest=-1.0, note="0 where undefined"),
        Metric("auc", "AUC", auc, soft=True, note="256 score bins; samples with one class only are left out"),
        Metric(
            "ap", "AP", average_precision, soft=True, note="256 score bins; samples without edited pixels are left out"
        ),
        Metric(
            "f1_oracle",
            "F1 (oracle)",
            f1_oracle,
            soft=True,
            note="best threshold per sample, chosen with the truth at hand",
        ),
        Metric("boundary_f1", "Boundary F1", boundary_f1, note="only where a boundary tolerance was asked for"),
    )
}


def metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        UserError: there is none.
    """
    if name not in METRICS:
        raise UserError(f"unknown metric {name!r}; metrics: {', '.join(METRICS)}")
    return METRICS[name]


def sample_values(table: CountTable, name: str, conventions: Conventions) -> Values:
    """A metric's value for each sample: n, float64, NaN where the sample has none.

    Raises:
        UserError: unknown metric.
    """
    function = metric(name).function
    values = function(table, conventions.empty)
    if conventions.invert == "best":
        values = np.fmax(values, function(table.inverse(), conventions.empty))
    return values
