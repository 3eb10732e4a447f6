"""Draws data curves: detectors below one another, datasets beside one another, one line an annotator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imlbench.metrics import metric as metric_of
from reports.figures import COLOURS, MARKERS, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.study_data import Study

WIDTH, HEIGHT = 3.9, 3.1
"""Inches of a panel."""


def draw(study: Study, metric: str) -> Figure:
    """All panels on the same scale.

    Args:
        study: read with this metric.
        metric: its name.
    """
    from matplotlib.figure import Figure

    detectors = list(dict.fromkeys(arm.detector for arm in study.arms))
    size = (WIDTH * len(study.datasets) + 1.6, HEIGHT * len(detectors) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(detectors), len(study.datasets), squeeze=False, sharey=True)
    for row, detector in enumerate(detectors):
        for column, dataset in enumerate(study.datasets):
            panel(grid[row][column], study, metric, detector, dataset)
    grid[0][0].set_ylim(bottom=0)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    note = "Points: means over images and seeds; bands and bars: 95 % intervals over seeds; dashed: before training."
    figure.text(0.01, -0.02, note, fontsize=7, color="0.35", va="top")
    return figure


def panel(axes: Axes, study: Study, metric: str, detector: str, dataset: str) -> None:
    """One detector on one dataset."""
    annotators = list(dict.fromkeys(arm.annotator for arm in study.arms))
    for place, annotator in enumerate(annotators):
        arms = [arm for arm in study.arms if (arm.detector, arm.annotator) == (detector, annotator)]
        arms = sorted(arms, key=lambda arm: study.images[arm])
        scores = [study.score(metric, "after", arm, dataset) for arm in arms]
        images = [study.images[arm] for arm in arms]
        means = [100 * score.mean for score in scores]
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        half = [0.0 if math.isnan(score.half) else 100 * score.half for score in scores]
        # Bars too: with one number of pairs a band has no width.
        look: Any = {"color": colour, "marker": marker, "markersize": 5, "linewidth": 1.6, "capsize": 3}
        axes.errorbar(images, means, yerr=half, label=plain(annotator), **look)
        low = [mean - one for mean, one in zip(means, half, strict=True)]
        high = [mean + one for mean, one in zip(means, half, strict=True)]
        axes.fill_between(images, low, high, color=colour, alpha=0.15, linewidth=0)
    first = next(arm for arm in study.arms if arm.detector == detector)
    before = study.score(metric, "before", first, dataset)
    if not math.isnan(before.mean):
        axes.axhline(100 * before.mean, color="0.4", linestyle="--", linewidth=1)
    axes.set_title(f"{plain(study.titles[detector])} on {plain(study.titles[dataset])}", loc="left", fontsize=9)
    axes.set_xlabel("edited training images", fontsize=8.5)
    axes.set_ylabel(f"mean {metric_of(metric).title} (%)", fontsize=8.5)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
