"""Draws reliability diagrams, a panel per dataset, with the share of the pixels in each score bin below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.figures import COLOURS, MARKERS, SOLID, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.calibration_data import Calibration

COLUMNS = 3


def draw(found: Sequence[Calibration], notes: Sequence[str]) -> Figure:
    """A figure of all calibrations.

    Args:
        found: at least one.
        notes: small print below the figure.
    """
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(one.run.run.dataset for one in found))
    names = list(dict.fromkeys(one.annotator for one in found))
    columns = min(COLUMNS, len(datasets))
    rows = -(-len(datasets) // columns)
    figure = Figure(figsize=(3.4 + 3.7 * columns, 0.6 + 4.6 * rows), layout="constrained")
    grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[3, 1] * rows)
    handles: dict[str, Any] = {}
    for index, dataset in enumerate(datasets):
        row, column = divmod(index, columns)
        upper, lower = grid[2 * row, column], grid[2 * row + 1, column]
        panel = [one for one in found if one.run.run.dataset == dataset]
        for one in panel:
            handles[one.annotator] = draw_one(upper, lower, one, names.index(one.annotator))
        dress(upper, lower, panel, first=column == 0)
    for index in range(len(datasets), rows * columns):
        row, column = divmod(index, columns)
        grid[2 * row, column].remove()
        grid[2 * row + 1, column].remove()
    labels = [label([one for one in found if one.annotator == name], len(datasets) > 1) for name in names]
    lines = [handles[name] for name in names]
    figure.legend(lines, labels, loc="outside right upper", frameon=False, fontsize=8.5, labelspacing=0.8)
    figure.suptitle("Calibration: how often pixels of a score are edited", x=0.01, ha="left", fontsize=12)
    text = "\n".join(plain(note, 1000) for note in notes)
    figure.text(0.01, -0.01, text, fontsize=7, color="0.35", va="top", wrap=True)
    return figure


def label(found: Sequence[Calibration], titled: bool) -> str:
    """An annotator's entry in the legend, with its error on each dataset."""
    lines = [plain(found[0].annotator)]
    for one in found:
        low, high = one.ece_interval
        where = f"{plain(one.dataset, 24)}: " if titled else ""
        lines.append(f"{where}ECE {100 * one.ece:.1f} [{100 * low:.1f}, {100 * high:.1f}]")
    return "\n".join(lines)


def draw_one(upper: Axes, lower: Axes, one: Calibration, index: int) -> Any:
    """One annotator: its reliability with a band, and how many pixels have which score."""
    colour = COLOURS[index % len(COLOURS)]
    style = SOLID[(index + 2 * (index // len(COLOURS))) % len(SOLID)]
    face = "white" if index // len(COLOURS) % 2 else colour
    known = np.isfinite(one.score)
    scores, low, high = one.score[known], 100 * one.low[known], 100 * one.high[known]
    upper.fill_between(scores, low, high, color=colour, alpha=0.15, linewidth=0)
    (line,) = upper.plot(
        scores,
        100 * one.observed[known],
        color=colour,
        linestyle=style,
        linewidth=1.6,
        marker=MARKERS[index % len(MARKERS)],
        markersize=4.5,
        mfc=face,
        mec=colour,
    )
    pixels = one.counts.sum(axis=0)
    shares = 100 * pixels / pixels.sum()
    edges = np.linspace(0, 1, len(pixels) + 1)
    # An empty bin has no place on a logarithmic axis.
    lower.stairs(
        np.where(shares > 0, shares, np.nan), edges, color=colour, linestyle=style, linewidth=1.3, baseline=None
    )
    return line


def dress(upper: Axes, lower: Axes, found: Sequence[Calibration], first: bool) -> None:
    """Title, axes, the diagonal and the grid of a dataset's panel."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    pixels = [one.counts.sum(axis=0) for one in found]
    lowest = min(100 * counts[counts > 0].min() / counts.sum() for counts in pixels)
    upper.plot([0, 1], [0, 100], color="0.45", linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    upper.set_title(plain(found[0].dataset), loc="left", fontsize=10)
    upper.set(xlim=(-0.01, 1.01), ylim=(-1, 103))
    upper.tick_params(labelbottom=False)
    lower.set_xlim(-0.01, 1.01)
    lower.set_yscale("log")
    lower.set_ylim(lowest / 2, 150)
    lower.yaxis.set_major_locator(LogLocator(numticks=5))
    lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    lower.yaxis.set_minor_locator(NullLocator())
    lower.set_xlabel("score")
    if first:
        upper.set_ylabel("edited share of the pixels (%)")
        lower.set_ylabel("pixels (%)")
    for axes in (upper, lower):
        axes.grid(color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
