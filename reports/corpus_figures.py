"""The figures of an annotated corpus: counts by edit type, distributions of area and QES, reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imlbench.corpora.vocabulary import EDIT_TYPES, OTHER, facts
from reports.corpus_counting import AREA_EDGES, QES_EDGES, STATUSES, Counts, Histogram
from reports.figures import COLOURS, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {
    "kept": (COLOURS[0], ""),
    "rejected": (COLOURS[5], "////"),
    "failed": (COLOURS[1], "xxxx"),
    "excluded": ("0.75", "...."),
}
"""Colour and hatching of each status: told apart in grey too."""
COARSE = {"area": 10, "qes": 8}
"""Bins of the counts that make one of the figure."""
NAMED_REASONS = 20
AIR = 0.16
"""Share of the axis of counts that stays free, for the numbers beside the bars."""


def draw_counts(counts: Sequence[Counts]) -> Figure:
    """Pairs by edit type and status, a panel per corpus."""
    from matplotlib.figure import Figure

    found = {word for one in counts for word in one.words()}
    words = [word for word in (*EDIT_TYPES, OTHER) if word in found]
    height = 1.2 + 0.27 * max(len(words), 3)
    figure = Figure(figsize=(3.4 + 3.6 * len(counts), height), layout="constrained")
    grid = figure.subplots(1, len(counts), squeeze=False, sharey=True)[0]
    for axes, one in zip(grid, counts, strict=True):
        left = np.zeros(len(words))
        for status in present(one):
            widths = np.array([one.pairs[word, status] for word in words], dtype=float)
            axes.barh(range(len(words)), widths, left=left, label=status, **look(status))
            left += widths
        for place, total in enumerate(left):
            axes.annotate(f"{total:,.0f}", (total, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_title(f"{plain(one.corpus)} (n = {one.total:,})", loc="left", fontsize=10)
        axes.set_xlabel("pairs")
        dress(axes, "x")
    grid[0].set_yticks(range(len(words)), [facts(word).title for word in words])
    grid[0].invert_yaxis()
    legend(figure, counts)
    return figure


def draw_distributions(counts: Sequence[Counts], gates: Mapping[str, Any]) -> Figure:
    """Pairs by the mask's area and by QES, kept and rejected ones.

    Args:
        counts: of the corpora, which are added up.
        gates: of the plan, where all corpora went through the same ones; else empty.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(9.2, 3.6), layout="constrained")
    area, qes = figure.subplots(1, 2)
    first = shown_from(counts, gates)
    for status in ("rejected", "kept"):
        draw_steps(area, summed(counts, "area", status), status, COARSE["area"], first)
        draw_steps(qes, summed(counts, "qes", status), status, COARSE["qes"], 0)
    area.set_xscale("log")
    area.set_xlim(first, 1)
    area.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    area.set_xlabel("edited share of the image (%)")
    qes.set_xlim(0, 1)
    qes.set_xlabel("QES")
    for axes, bounds in ((area, gates.get("area", ())), (qes, lowest(gates))):
        for place, bound in enumerate(bounds):
            axes.axvline(bound, color="0.25", linewidth=1, linestyle=":", label="_" if place else "gate")
        axes.set_ylabel("pairs")
        dress(axes, "y")
        axes.legend(facecolor="white", edgecolor="none", framealpha=0.9, fontsize=8)
    return figure


def draw_steps(axes: Axes, found: Histogram, status: str, coarse: int, first: float) -> None:
    """A histogram as steps; the legend says how many values lie left of the axis' first one."""
    colour = LOOKS[status][0]
    beyond = int(found.counts[found.edges[1:] <= first * (1 + 1e-9)].sum())
    label = f"{status} (n = {found.total:,}" + (f"; {beyond:,} of them smaller)" if beyond else ")")
    drawn = found.coarse(coarse)
    axes.stairs(drawn.counts, drawn.edges, fill=True, color=colour, alpha=0.25)
    style = "-" if status == "kept" else (0, (4, 1.5))
    axes.stairs(drawn.counts, drawn.edges, label=label, color=colour, linewidth=1.5, linestyle=style)


def lowest(gates: Mapping[str, Any]) -> list[float]:
    """Where the gate of QES stands; nowhere if it is open."""
    return [gates["min_qes"]] if gates.get("min_qes") else []


def shown_from(counts: Sequence[Counts], gates: Mapping[str, Any]) -> float:
    """Left end of the axis of areas: a decade's begin, below all masks that hold a pixel and below the gate."""
    total = summed(counts, "area", "kept").counts + summed(counts, "area", "rejected").counts
    total[0] = 0
    smallest = AREA_EDGES[int(np.argmax(total > 0))] if total.any() else 0.01
    gate = next((edge for edge in gates.get("area", ()) if edge > 0), 1.0)
    return max(float(AREA_EDGES[0]), float(10 ** np.floor(np.log10(min(smallest, gate)))))


def draw_reasons(counts: Sequence[Counts]) -> Figure:
    """Pairs that were not kept, by status and reason."""
    from matplotlib.figure import Figure

    total = all_reasons(counts)
    rows = total.most_common(NAMED_REASONS)
    rows.sort(key=lambda item: (STATUSES.index(item[0][0]), -item[1]))
    figure = Figure(figsize=(7.0, 1.2 + 0.3 * max(len(rows), 2)), layout="constrained")
    axes = figure.subplots()
    for place, ((status, _), count) in enumerate(rows):
        axes.barh(place, count, **look(status))
        axes.annotate(f"{count:,}", (count, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [f"{status}: {plain(reason)}" for (status, reason), _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel("pairs")
    if not rows:
        axes.text(0.5, 0.5, "every pair was kept", transform=axes.transAxes, ha="center", va="center")
        axes.set_xticks([])
    dress(axes, "x")
    return figure


def all_reasons(counts: Sequence[Counts]) -> Counter[tuple[str, str]]:
    """Pairs of all corpora by status and reason."""
    total: Counter[tuple[str, str]] = Counter()
    for one in counts:
        total.update(one.reasons)
    return total


def summed(counts: Sequence[Counts], name: str, status: str) -> Histogram:
    """The areas or the QES of all corpora."""
    total = Histogram.on(AREA_EDGES if name == "area" else QES_EDGES)
    for one in counts:
        total.counts += one.histogram(name, status).counts
    return total


def present(counts: Counts) -> list[str]:
    """The statuses that occur."""
    return [status for status in STATUSES if counts.of(status)]


def look(status: str) -> dict[str, Any]:
    """How bars of a status are drawn."""
    colour, hatch = LOOKS[status]
    return {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.5, "height": 0.72}


def legend(figure: Figure, counts: Sequence[Counts]) -> None:
    """What the bars' colours say, below the panels."""
    from matplotlib.patches import Patch

    found = [status for status in STATUSES if any(one.of(status) for one in counts)]
    handles = [Patch(facecolor=LOOKS[status][0], hatch=LOOKS[status][1], edgecolor="white") for status in found]
    figure.legend(handles, found, loc="outside lower center", ncols=len(found), frameon=False, fontsize=9)


def dress(axes: Axes, along: str) -> None:
    """Grid along the counts, no frame, whole numbers, air for the labels."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    counted = axes.xaxis if along == "x" else axes.yaxis
    counted.set_major_locator(MaxNLocator(5, integer=True))
    counted.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    counted.grid(color="0.9", linewidth=0.6)
    # Not by margins, which stop at bars of no width.
    highest = float((axes.dataLim.x1 if along == "x" else axes.dataLim.y1) or 1)
    (axes.set_xlim if along == "x" else axes.set_ylim)(0, max(highest, 1) * (1 + AIR))
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
