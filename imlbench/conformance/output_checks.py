"""Checks of what an adapter returns: for ordinary inputs, and for unusual ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from imlbench.cards import AdapterCard
from imlbench.conformance.bench import Bench, standard_pairs
from imlbench.conformance.comparing import any_fault, dtype_fault, range_fault, score_fault, shape_fault
from imlbench.conformance.inputs import ODD, STANDARD, TINY, make_pair
from imlbench.conformance.outcomes import CheckFailedError
from imlbench.errors import one_line
from imlbench.registry import singular

if TYPE_CHECKING:
    from imlbench.samples import Pair, ScoreMap


def construction(bench: Bench) -> str:
    """The adapter can be built and is what it is registered as."""
    bench.adapter = bench.build()
    expected = singular(bench.kind).capitalize()
    if not bench.is_expected_type():
        found = type(bench.adapter).__name__
        raise CheckFailedError(f"expected an instance of imlbench.adapters.{expected}, found {found}")
    if not isinstance(getattr(bench.adapter, "card", None), AdapterCard):
        raise CheckFailedError("expected a class attribute `card` that is an imlbench.cards.AdapterCard")
    return f"builds an {expected}" if expected == "Annotator" else f"builds a {expected}"


def output(bench: Bench) -> str:
    """One result per input. The inputs are writable here: writing to them is another check's business."""
    bench.detect(standard_pairs(writable=True))
    return "one numpy array per input, in one list"


def inputs_untouched(bench: Bench) -> str:
    """Neither the arrays nor the texts change, and read-only arrays are accepted."""
    pairs = standard_pairs(writable=True)
    bench.call(pairs)
    for pair, untouched in zip(pairs, standard_pairs(), strict=True):
        for role in ("original", "edited"):
            if not np.array_equal(getattr(pair, role), getattr(untouched, role)):
                raise CheckFailedError(f"{pair.id}: the {role} image was changed in place")
        if (pair.id, pair.instruction, pair.caption) != (untouched.id, untouched.instruction, untouched.caption):
            raise CheckFailedError(f"{untouched.id}: the pair's id or texts were changed")
    pairs = standard_pairs()
    bench.call(pairs)
    if any(pair.original.flags.writeable or pair.edited.flags.writeable for pair in pairs):
        raise CheckFailedError("read-only input arrays were made writable")
    return "the inputs are left as they were, and may be read-only"


def map_check(fault_of: Callable[[ScoreMap, Pair], str | None], fine: str) -> Callable[[Bench], str]:
    """A check of one property of the maps for the standard inputs."""

    def check(bench: Bench) -> str:
        results = zip(bench.reference(), standard_pairs(), strict=True)
        raise_first(fault_of(detection.score_map, pair) for detection, pair in results)
        return fine

    return check


shape = map_check(shape_fault, "height x width of the edited image")
dtype = map_check(dtype_fault, "float32, uint8 or bool")
value_range = map_check(range_fault, "scores in [0, 1], none NaN")


def image_score(bench: Bench) -> str:
    """A detector's image score is a probability or None."""
    results = zip(bench.reference(), standard_pairs(), strict=True)
    raise_first(score_fault(detection.image_score, pair.id) for detection, pair in results)
    return "None or in [0, 1]"


def raise_first(faults: Iterable[str | None]) -> None:
    """Raise the first fault that there is."""
    for fault in faults:
        if fault:
            raise CheckFailedError(fault)


def require_valid(bench: Bench, pairs: Iterable[Pair]) -> str:
    """Feed pairs one at a time; every result must be a valid map, and every failure is named.

    Returns:
        The ids of the pairs, for the message.
    """
    faults, ids = [], []
    for pair in pairs:
        ids.append(pair.id)
        try:
            (detection,) = bench.detect([pair])
            fault = any_fault(detection.score_map, pair) or score_fault(detection.image_score, pair.id)
        except CheckFailedError as error:
            fault = f"{pair.id}: {error}"
        except Exception as error:
            fault = f"{pair.id}: raised {type(error).__name__}: {one_line(error, 160)}"
        if fault:
            faults.append(fault)
    if faults:
        raise CheckFailedError("; ".join(faults))
    return ", ".join(ids)


def odd_sizes(bench: Bench) -> str:
    """Sizes that are no multiple of anything, and very long ones."""
    return "valid maps for " + require_valid(bench, map(make_pair, ODD))


def tiny_images(bench: Bench) -> str:
    """Images smaller than any window."""
    return "valid maps for " + require_valid(bench, map(make_pair, TINY))


def grey_content(bench: Bench) -> str:
    """Images whose three channels are equal."""
    require_valid(bench, (make_pair(size, grey=True) for size in STANDARD))
    return "valid maps for images without colour"


def identical_pair(bench: Bench) -> str:
    """No difference at all: what divides by the largest one fails here."""
    require_valid(bench, (make_pair(size, identical=True) for size in STANDARD))
    return "valid maps where nothing was edited"


def without_text(bench: Bench) -> str:
    """Texts that the adapter does not need may be missing."""
    if bench.card.needs_instruction:
        require_valid(bench, standard_pairs(caption=None))
        return "valid maps without a caption; the instruction is needed"
    require_valid(bench, standard_pairs(caption=None, instruction=None))
    return "valid maps without instruction and caption"
