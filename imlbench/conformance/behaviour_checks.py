"""Checks of how an adapter behaves: repeatable, independent of batch and thread, without side effects."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from imlbench.adapters import Detection
from imlbench.conformance.bench import Bench, copies, standard_pairs
from imlbench.conformance.comparing import require_same
from imlbench.conformance.inputs import ODD, STANDARD, make_pair
from imlbench.conformance.outcomes import CheckFailedError, CheckSkippedError

THREADS = 4
NAMED = 3
"""Acts named in a message; the others are counted."""


def determinism(bench: Bench) -> str:
    """The same inputs give bit for bit the same maps: again, after other inputs, from another instance."""
    first = bench.detect(standard_pairs())
    kept = copies(first)
    require_same(kept, bench.detect(standard_pairs()), "a second call on the same inputs", tolerance=0)
    bench.detect([make_pair(size, identical=True) for size in STANDARD])
    require_same(kept, first, "a later call wrote into the maps of an earlier one", tolerance=0)
    require_same(kept, bench.detect(standard_pairs()), "a call after other inputs", tolerance=0)
    require_same(kept, bench.detect(standard_pairs(), bench.build()), "a second instance", tolerance=0)
    return "equal maps from a second call, after other inputs, and from a second instance"


def batch_invariance(bench: Bench) -> str:
    """A map does not depend on what else is in the batch, nor on the order."""
    single = [detection for pair in standard_pairs() for detection in copies(bench.detect([pair]))]
    require_same(single, bench.reference(), "one by one against one batch")
    backwards = bench.detect(standard_pairs()[::-1])
    require_same(single, backwards[::-1], "one by one against a batch in reverse order")
    return "one by one, batched and in reverse order agree"


def threads(bench: Bench) -> str:
    """An adapter that is not `batched` is called from the decoding threads, all at once."""
    if bench.card.batched:
        raise CheckSkippedError("the card says batched: such an adapter is called from one thread")
    expected = one_by_one(bench)
    barrier = threading.Barrier(THREADS)

    def work(start: int) -> list[Detection]:
        barrier.wait()
        return one_by_one(bench, start)

    with ThreadPoolExecutor(THREADS) as pool:
        results = [pool.submit(work, start) for start in range(THREADS)]
    for result in results:
        require_same(expected, result.result(), f"{THREADS} threads at once against one")
    return f"{THREADS} threads at once give the maps of one"


def one_by_one(bench: Bench, start: int = 0) -> list[Detection]:
    """Results for single inputs of several sizes, each twice, in an order that does not depend on `start`.

    Args:
        bench: the adapter.
        start: the input to begin with. Threads in step on equal inputs would hide a mix-up.
    """
    sizes = (*STANDARD, *ODD) * 2
    turned = sizes[start:] + sizes[:start]
    results = [detection for size in turned for detection in copies(bench.detect([make_pair(size)]))]
    return results[len(sizes) - start :] + results[: len(sizes) - start]


def side_effect(attribute: str, fine: str) -> Callable[[Bench], str]:
    """A check that the guard noticed nothing of one class in all the calls so far."""

    def check(bench: Bench) -> str:
        noticed = list(getattr(bench.record, attribute))
        if noticed:
            more = f" and {len(noticed) - NAMED} more" if len(noticed) > NAMED else ""
            raise CheckFailedError("; ".join(noticed[:NAMED]) + more)
        return fine

    return check


no_writes = side_effect("writes", "no file was written")
no_network = side_effect("network", "no connection was opened")
no_subprocess = side_effect("processes", "no process was started")
