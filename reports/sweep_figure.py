"""Draws F1 against the threshold: colours of Okabe and Ito; line styles and markers tell curves apart in grey too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.curves import PAPER_THRESHOLDS
from reports.figures import COLOURS, MARKERS, SOLID, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.curves import Curve

COMPOSITED: tuple[Any, ...] = ((0, (1, 1.2)), (0, (1, 2.2)), (0, (1, 3.2)))
"""Dotted: a composited set is seen at once, in grey too."""


def draw(curves: Sequence[Curve], highest: int, note: str) -> Figure:
    """A figure of all curves up to a threshold.

    Args:
        curves: at least one.
        highest: right end of the axis, 1-255.
        note: small print below the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    axes = figure.add_subplot()
    titled = len({curve.annotator for curve in curves}) > 1
    handles = [draw_curve(axes, curve, index, highest) for index, curve in enumerate(curves)]
    labels = [label(curve, titled) for curve in curves]
    for handle, text in legend_keys(axes, curves):
        handles.append(handle)
        labels.append(text)
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9, labelspacing=0.8)
    title = "F1 against the threshold" if titled else f"{plain(curves[0].annotator)}: F1 against the threshold"
    axes.set_title(title, loc="left")
    axes.set_xlabel("threshold (score bin, 0-255): edited where score ≥ threshold")
    axes.set_ylabel("mean F1 over samples (%)")
    # A little air, so that the marks at threshold 0 and near 100 % stay whole.
    axes.set_xlim(-0.015 * highest, highest)
    axes.set_ylim(0, 103)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.text(0.01, -0.01, plain(note, 400), fontsize=7, color="0.35", va="top", wrap=True)
    return figure


def draw_curve(axes: Axes, curve: Curve, index: int, highest: int) -> Any:
    """One curve with its band, the thresholds of the table, the paper's numbers and the oracle."""
    thresholds = np.arange(highest + 1)
    mean, stderr = 100 * curve.mean[: highest + 1], 100 * curve.stderr[: highest + 1]
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    axes.fill_between(thresholds, mean - stderr, mean + stderr, color=colour, alpha=0.2, linewidth=0)
    (line,) = axes.plot(
        thresholds,
        mean,
        color=colour,
        linestyle=line_style(curve, index),
        linewidth=1.8,
        marker=marker,
        markersize=4.5,
        markevery=[level for level in PAPER_THRESHOLDS if level <= highest],
    )
    known = [level for level in curve.paper if level <= highest]
    if known:
        values = [100 * curve.paper[level] for level in known]
        axes.plot(known, values, linestyle="", marker=marker, markersize=9, mfc="none", mec=colour)
    if curve.oracle <= highest:
        axes.plot(
            curve.oracle, mean[curve.oracle], marker="*", markersize=13, mfc="white", mec=colour, linestyle="", zorder=5
        )
    return line


def line_style(curve: Curve, index: int) -> Any:
    """Style of the index-th curve, as matplotlib takes it."""
    styles = COMPOSITED if curve.composited else SOLID
    return styles[index % len(styles)]


def legend_keys(axes: Axes, curves: Sequence[Curve]) -> list[tuple[Any, str]]:
    """What the other signs mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    star = Line2D([], [], linestyle="", marker="*", markersize=12, mfc="white", mec="0.3")
    keys: list[tuple[Any, str]] = [(star, "oracle: best threshold of the set,\nchosen with the truth at hand")]
    if any(curve.paper for curve in curves):
        ring = Line2D([], [], linestyle="", marker="o", markersize=9, mfc="none", mec="0.3")
        keys.append((ring, "hollow: the paper's number"))
    keys.append((Patch(facecolor="0.8"), "band: ± standard error"))
    if any(curve.composited for curve in curves):
        dotted = Line2D([], [], color="0.3", linestyle=COMPOSITED[0], linewidth=1.8)
        keys.append((dotted, "composited: identical outside the mask\nup to one grey level"))
    return keys


def label(curve: Curve, titled: bool) -> str:
    """A curve's entry in the legend."""
    name = f"{plain(curve.annotator)}, {plain(curve.dataset)}" if titled else plain(curve.dataset)
    mark = ", composited" if curve.composited else ""
    best = f"oracle {100 * curve.mean[curve.oracle]:.2f} at {curve.oracle}"
    return f"{name} (n = {curve.samples}{mark})\n{best}"
