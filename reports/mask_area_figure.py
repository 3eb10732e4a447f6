"""Draws a metric against the edited share of the image, a panel per dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imlbench.metrics import metric
from reports.figures import COLOURS, MARKERS, SOLID, plain
from reports.mask_area_data import annotators

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.mask_area_data import AreaCurve, AreaPanel

COLUMNS = 3
TICKS = (*(step * 10.0**power for power in range(-7, 0) for step in (1, 2, 5)), 1.0)
MOST_TICKS = 8


def draw(panels: Sequence[AreaPanel], name: str, notes: Sequence[str]) -> Figure:
    """A figure of all panels.

    Args:
        panels: at least one.
        name: of the metric.
        notes: small print below the figure.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width, height = (3.9, 3.3) if len(panels) > 1 else (5.4, 4.2)
    figure = Figure(figsize=(2.6 + width * columns, 0.6 + height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    names = annotators(panels)
    handles: dict[str, tuple[Any, str]] = {}
    for axes, panel in zip(grid.flat, panels, strict=False):
        for curve in panel.curves:
            index = names.index(curve.run.run.adapter)
            handles[names[index]] = draw_curve(axes, curve, index), plain(curve.run.run.adapter_title)
        dress(axes, panel, name)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for axes in grid[:, 0]:
        axes.set_ylabel(f"{metric(name).title} (%)")
    ordered = [handles[one] for one in names]
    lines, texts = [line for line, _ in ordered], [text for _, text in ordered]
    figure.legend(lines, texts, loc="outside right upper", frameon=False, fontsize=9)
    figure.suptitle(f"{metric(name).title} against the edited area", x=0.01, ha="left", fontsize=12)
    text = "\n".join(plain(note, 1000) for note in notes)
    figure.text(0.01, -0.01, text, fontsize=7, color="0.35", va="top", wrap=True)
    return figure


def draw_curve(axes: Axes, curve: AreaCurve, index: int) -> Any:
    """One annotator: a mark per bin, with its 95 % interval as a band, or as a bar where there is one bin only."""
    centres = np.array([one.centre for one in curve.bins])
    means, lows, highs = (
        np.array([100 * getattr(one.summary, part) for one in curve.bins]) for part in ("mean", "low", "high")
    )
    colour = COLOURS[index % len(COLOURS)]
    if len(centres) == 1:
        axes.vlines(centres, lows, highs, color=colour, linewidth=1)
    axes.fill_between(centres, lows, highs, color=colour, alpha=0.13, linewidth=0)
    # Seven colours, then the same ones with another line: the eighth annotator is told from the first.
    style = SOLID[(index + 2 * (index // len(COLOURS))) % len(SOLID)]
    marker = MARKERS[index % len(MARKERS)]
    face = "white" if index // len(COLOURS) % 2 else colour
    (line,) = axes.plot(
        centres, means, color=colour, linestyle=style, linewidth=1.6, marker=marker, markersize=5, mfc=face, mec=colour
    )
    return line


def dress(axes: Axes, panel: AreaPanel, name: str) -> None:
    """Title, axes and grid of a panel."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    mark = ", composited" if panel.composited else ""
    axes.set_title(f"{plain(panel.dataset)} (n = {panel.samples:,}{mark})", loc="left", fontsize=10)
    axes.set_xscale("log")
    low, high = area_limits(panel)
    axes.set_xlim(low, high)
    shown = [tick for tick in TICKS if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(shown if len(shown) <= MOST_TICKS else shown[::3]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("edited share of the image (%)")
    # A little air, so that marks at the ends stay whole.
    axes.set_ylim(100 * metric(name).lowest - 3, 103)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def area_limits(panel: AreaPanel) -> tuple[float, float]:
    """Ends of the axis: around all marks, and wide enough to hold two ticks."""
    centres = [one.centre for curve in panel.curves for one in curve.bins]
    low, high = min(centres), max(centres)
    room = 1.35 * max(1.0, (3 * low / high) ** 0.5)
    return max(low / room, TICKS[0]), min(high * room, 1.1)
