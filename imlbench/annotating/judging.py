"""From decoded pairs to finished rows: annotate, measure, judge."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imlbench import rle
from imlbench.annotating.alignment import alignment
from imlbench.annotating.gate import Measures, area_share, count_components, decisiveness, overlap, verdict
from imlbench.errors import Reason, SampleError
from imlbench.histograms import levels
from imlbench.images import encode_png
from imlbench.jobs import describe
from imlbench.score_maps import HARD, checked_map, marked_pixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.annotating.plan import Plan
    from imlbench.annotating.preparing import Prepared
    from imlbench.annotating.tools import Tools
    from imlbench.jobs import Handle
    from imlbench.samples import Mask, Pair, ScoreMap


def annotate_batch(plan: Plan, tools: Tools, batch: Sequence[Prepared]) -> None:
    """Annotate what has a pair; every row has come to its end then, and the images are let go."""
    started = time.perf_counter()
    waiting = [entry for entry in batch if entry.pair is not None]
    pairs = [entry.pair for entry in waiting if entry.pair is not None]
    maps = checked_maps(tools.handle, pairs)
    others: Sequence[ScoreMap | Exception | None] = [None] * len(pairs)
    if tools.second is not None:
        others = checked_maps(tools.second, pairs)
    for entry, scores, other in zip(waiting, maps, others, strict=True):
        try:
            judge(plan, tools, entry, scores, other)
        except SampleError as error:
            entry.row.end("failed", error.reason.value, error.message)
        except Exception as error:
            # A third party's adapter may raise anything; the pair has failed, and the others go on.
            entry.row.end("failed", Reason.ADAPTER_ERROR.value, describe(error))
        entry.pair = entry.small = None
    share = (time.perf_counter() - started) / max(len(waiting), 1)
    for entry in waiting:
        entry.seconds += share


def checked_maps(handle: Handle, pairs: Sequence[Pair]) -> list[ScoreMap | Exception]:
    """A valid map or an exception per pair; a batch that fails is repeated pair by pair, to find the guilty one."""
    if not pairs:
        return []
    size = len(pairs) if handle.card.batched else 1
    if size < len(pairs):
        return [found for pair in pairs for found in checked_maps(handle, [pair])]
    try:
        maps = list(handle.get().annotate(list(pairs)))
        if len(maps) != len(pairs):
            raise SampleError(Reason.BAD_MAP, f"{handle.card.name}: {len(maps)} maps for {len(pairs)} pairs")
    except Exception as error:
        # An adapter may raise anything; it is the pair's failure.
        return [error] if len(pairs) == 1 else [found for pair in pairs for found in checked_maps(handle, [pair])]
    return [checked(handle, scores, pair) for scores, pair in zip(maps, pairs, strict=True)]


def checked(handle: Handle, scores: object, pair: Pair) -> ScoreMap | Exception:
    """The map at the edited image's size, or why it is none."""
    try:
        return checked_map(scores, pair.edited.shape, handle.card.name)[0]
    except SampleError as error:
        return error


def judge(
    plan: Plan, tools: Tools, entry: Prepared, scores: ScoreMap | Exception, other: ScoreMap | Exception | None
) -> None:
    """Measure a map, store the mask, and say whether the pair is kept.

    Raises:
        Exception: what an annotator raised instead of giving a map.
    """
    if isinstance(scores, Exception):
        raise scores
    row, mask = entry.row, marked(tools.handle, scores)
    row.mask, row.area, row.components = rle.encode(mask), area_share(mask), count_components(mask)
    row.qes = decisiveness(scores)
    if plan.options.keep_soft:
        row.soft = encode_png(grey(scores))
    assert entry.small is not None
    row.alignment = alignment(*entry.small, mask)
    if isinstance(other, Exception):
        raise other
    if other is not None and tools.second is not None:
        row.agreement = overlap(mask, marked(tools.second, other))
    found = verdict(Measures(row.area, row.qes, row.alignment, row.agreement), plan.options.gates)
    if found.reason:
        row.end("rejected", found.reason, found.message)


def marked(handle: Handle, scores: ScoreMap) -> Mask:
    """H x W, bool: where the score reaches the annotator's threshold."""
    return marked_pixels(scores, handle.card.threshold).view("bool")


def grey(scores: ScoreMap) -> NDArray[np.uint8]:
    """H x W, uint8: the histogram's bin, 255 is certain."""
    return scores.view("uint8") * 255 if scores.dtype == HARD else levels(scores)
