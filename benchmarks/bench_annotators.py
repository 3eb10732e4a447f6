"""Every annotator that can run here beside sigma-lite: time a pair, parameters, peak memory.

One pair after the other, decoded already. Times are taken in turns with sigma-lite's, memory in a process of its own.
What lacks weights is named and left out: a network's time is that of its weights' shapes, which only they tell.
`python -m benchmarks.bench_annotators sigma-lite 'efficientnet-*'` measures some only.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch

from benchmarks.footprint import Footprint, build, pairs_of
from benchmarks.making import make_pairs
from benchmarks.table import Row, print_table
from imlbench import registry
from imlbench.errors import UserError
from imlbench.jobs import load_adapter
from imlbench.samples import Pair
from imlbench.wanting import wanting

REFERENCE = "sigma-lite"
SIDE, PAIRS, REPEATS = 512, 2, 3


def usable() -> Iterator[str]:
    """Annotators that lack nothing here, sigma-lite first; the others are named on standard error."""
    for name in sorted(registry.names("annotators"), key=lambda name: (name != REFERENCE, registry.natural_key(name))):
        try:
            lacks = wanting(name, load_adapter(registry.resolve("annotators", name)))
        except UserError as error:
            lacks = [str(error)]
        if lacks:
            print(f"  left out: {name}: {lacks[0]}", file=sys.stderr)
        else:
            yield name


def fresh(pair: Pair) -> Pair:
    """The pair without what annotators share: the first one would compute it for the others."""
    return Pair(pair.id, pair.original, pair.edited, pair.instruction)


def footprint(name: str, device: str, root: Path) -> Footprint:
    """The footprint of an annotator, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.footprint", name, device, str(root)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Footprint(**json.loads(printed.splitlines()[-1]))


def seconds(annotator: Any, pair: Pair, device: str) -> float:
    """Wall time of one pair."""
    wait: Callable[[], None] = torch.cuda.synchronize if device != "cpu" else (lambda: None)
    given = fresh(pair)
    wait()
    started = time.perf_counter()
    annotator.annotate([given])
    wait()
    return time.perf_counter() - started


def in_turns(annotator: Any, reference: Any, pairs: list[Pair], device: str) -> tuple[float, float]:
    """Median seconds a pair, and the median of the ratios to the reference, after one call of each."""
    for one in (annotator, reference):
        seconds(one, pairs[0], device)
    turns = [pair for _ in range(REPEATS) for pair in pairs]
    times = [(seconds(annotator, pair, device), seconds(reference, pair, device)) for pair in turns]
    return statistics.median(own for own, _ in times), statistics.median(own / other for own, other in times)


def row_of(name: str, device: str, own: Footprint, lite: Footprint, times: tuple[float, float]) -> Row:
    """An annotator's row: the ratio of the times is what was measured, the rest stands in the detail."""
    time_a_pair, ratio = times
    where = "GPU memory" if own.cuda else "memory"
    detail = (
        f"{1e3 * time_a_pair:.3g} ms a pair; parameters {own.trainable:,} trainable, {own.frozen:,} frozen; "
        f"peak {where} {own.memory:.0f} MB, {own.memory / lite.memory:.2f} of {REFERENCE}'s; {SIDE} x {SIDE}"
    )
    return Row(f"{name} on {device}, time a pair / {REFERENCE}'s", ratio, "reported", True, detail)


def rows_on(device: str, names: list[str], root: Path) -> Iterator[Row]:
    """A row for each annotator that can use the device."""
    pairs = pairs_of(root)
    reference, _ = build(REFERENCE, device)
    lite = footprint(REFERENCE, device, root)
    for name in names:
        annotator, card = build(name, device)
        if device != "cpu" and not card.accelerated:
            continue
        own = lite if name == REFERENCE else footprint(name, device, root)
        yield row_of(name, device, own, lite, in_turns(annotator, reference, pairs, device))


def run(globs: Sequence[str] = ("*",)) -> list[Row]:
    """The annotators of these names that can run, on the processor and, where there is one, on a GPU."""
    ready = list(usable())
    if REFERENCE not in ready:
        raise UserError(f"{REFERENCE} cannot run here, and everything is measured beside it")
    names = [name for name in ready if any(fnmatch(name, glob) for glob in globs)]
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pairs"
        make_pairs(root, PAIRS, PAIRS, SIDE)
        return [row for device in devices for row in rows_on(device, names, root)]


if __name__ == "__main__":
    print_table(run(sys.argv[1:] or ["*"]))
