"""Draws robustness curves: datasets below one another, perturbations beside one another, one line per annotator."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from imlbench.metrics import metric as metric_of
from reports.figures import COLOURS, MARKERS, SOLID, plain
from reports.robustness_runs import condition_key, severity_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from imlbench.statistics import Summary
    from reports.robustness_data import Curves, Series

TARGET_WORDS = {"edited": "edited image", "both": "both images"}
PANEL_WIDTH, PANEL_HEIGHT = 3.7, 3.0
"""Inches."""
LEGIBLE = 10
"""More lines than this are hard to tell apart."""
MOST_TICKS = 12
BAND = "Lines: means over samples; bands: 95 % bootstrap intervals."


def draw(curves: Sequence[Curves], metric: str, note: str) -> Figure:
    """All curves of one metric, every panel on the same scale.

    Args:
        curves: at least one.
        metric: name, among those that were measured.
        note: small print below the figure.
    """
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(one.axis.dataset for one in curves))
    met = {(one.axis.perturbation, one.axis.target) for one in curves}
    conditions = sorted(met, key=lambda condition: condition_key(*condition))
    annotators = list(dict.fromkeys(series.sweep.annotator for one in curves for series in one.series))
    rows, columns = len(datasets), len(conditions)
    figure = Figure(figsize=(PANEL_WIDTH * columns + 2.6, PANEL_HEIGHT * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    for one in curves:
        place = datasets.index(one.axis.dataset), conditions.index((one.axis.perturbation, one.axis.target))
        draw_panel(grid[place], one, metric, annotators)
    limits = y_limits(curves, metric)
    for axes in grid.flat:
        axes.set_ylim(*limits)
    add_legend(figure, annotators)
    width = int(15.5 * figure.get_figwidth())
    figure.text(0.01, -0.01, wrapped(note, width, 40 * width), fontsize=7, color="0.35", va="top")
    return figure


def draw_panel(axes: Axes, curves: Curves, metric: str, annotators: Sequence[str]) -> None:
    """One dataset under one perturbation; an annotator's look follows from its place among all annotators."""
    axes.set_visible(True)
    starts = any(series.sweep.clean for series in curves.series)
    places = {severity: place for place, severity in enumerate(curves.severities, start=int(starts))}
    for series in curves.series:
        draw_series(axes, series, metric, places, annotators.index(series.sweep.annotator))
    labels = [*(["clean"] if starts else []), *map(severity_text, curves.severities)]
    every = math.ceil(len(labels) / MOST_TICKS)
    axes.set_xticks(range(0, len(labels), every), labels[::every], fontsize=8)
    axes.set_xlim(-0.25, len(labels) - 0.75)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_title(panel_title(curves), loc="left", fontsize=9)
    axes.set_xlabel(wrapped(curves.definition or "severity", 58, 116), fontsize=7.5)
    axes.set_ylabel(f"mean {metric_of(metric).title} (%)", fontsize=8.5)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_series(axes: Axes, series: Series, metric: str, places: dict[float, int], index: int) -> None:
    """One annotator's line and band; a dotted stretch where it lacks a severity that others have."""
    estimates = series.estimates[metric]
    points = [(places[severity], value) for severity, value in zip(series.severities, estimates.values, strict=True)]
    if estimates.clean is not None:
        points.insert(0, (0, estimates.clean))
    points = [(place, value) for place, value in points if math.isfinite(value.mean)]
    style = look(index)
    for (left, first), (right, second) in pairwise(points):
        gap = {"linestyle": ":"} if right - left > 1 else {}
        axes.plot([left, right], [100 * first.mean, 100 * second.mean], **{**style, **gap, "marker": ""})
    axes.plot([place for place, _ in points], [100 * value.mean for _, value in points], **{**style, "linestyle": ""})
    spread = [(place, value) for place, value in points if math.isfinite(value.low) and math.isfinite(value.high)]
    lows, highs = [100 * value.low for _, value in spread], [100 * value.high for _, value in spread]
    axes.fill_between([place for place, _ in spread], lows, highs, color=style["color"], alpha=0.15, linewidth=0)


def look(index: int) -> dict[str, Any]:
    """Colour, marker and line style of the index-th annotator; the second seven get other markers than the first."""
    lap = index // len(COLOURS)
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[(index + 3 * lap) % len(MARKERS)],
        "linestyle": SOLID[index % len(SOLID)],
        "linewidth": 1.6,
        "markersize": 5,
        "markerfacecolor": "white" if lap % 2 else COLOURS[index % len(COLOURS)],
    }


def add_legend(figure: Figure, annotators: Sequence[str]) -> None:
    """The annotators and the band, outside of the panels."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Line2D([], [], **look(index)) for index in range(len(annotators))]
    handles.append(Patch(facecolor="0.85"))
    labels = [*(wrapped(name, 26, 78) for name in annotators), "95 % interval"]
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8.5, handlelength=3.4)


def panel_title(curves: Curves) -> str:
    """Dataset; perturbation, target and number of samples below it."""
    counts = [len(series.ids) for series in curves.series]
    n = str(min(counts)) if min(counts) == max(counts) else f"{min(counts)}-{max(counts)}"
    target = TARGET_WORDS.get(curves.axis.target, curves.axis.target)
    return f"{plain(curves.dataset, 36)}\n{plain(curves.perturbation, 16)}, {plain(target, 16)}, n = {n}"


def y_limits(curves: Sequence[Curves], metric: str) -> tuple[float, float]:
    """Ends of the axis that all panels share, in per cent: full tens around all bands, 0 where that is near."""
    every = [value for one in curves for series in one.series for value in heights(series, metric)]
    if not every:
        return 0.0, 103.0
    low, high = math.floor(min(every) / 10) * 10, math.ceil(max(every) / 10) * 10
    if 0 <= low <= 30:
        low = 0
    low = min(low, high - 20)
    # A little air, so that the marks at the ends stay whole.
    air = 0.02 * (high - low)
    return low - air, high + air


def heights(series: Series, metric: str) -> list[float]:
    """All finite means and ends of intervals of a series, in per cent."""
    estimates = series.estimates[metric]
    summaries: list[Summary] = [*([estimates.clean] if estimates.clean else []), *estimates.values]
    ends = (end for summary in summaries for end in (summary.low, summary.mean, summary.high))
    return [100 * end for end in ends if math.isfinite(end)]


def wrapped(text: str, width: int, limit: int) -> str:
    """Text that is drawn as it is, on lines of so many characters."""
    return "\n".join(plain(line, width + 2) for line in textwrap.wrap(plain(text, limit).replace(r"\$", "$"), width))
