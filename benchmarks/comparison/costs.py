"""What the annotators take: parameters, peak memory each in a process of its own, and the time of a pair in turns."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.bench_annotators import PAIRS, REPEATS, SIDE, footprint, seconds
from benchmarks.comparison.order import Order
from benchmarks.comparison.training import Say
from benchmarks.footprint import build, pairs_of
from benchmarks.making import make_pairs
from imlbench.files import write_atomically

COSTS = "costs.json"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one annotator takes, for pairs of SIDE x SIDE on a processor.

    Attributes:
        trainable: parameters that training changes.
        frozen: the others.
        memory: peak of a process' resident memory, MB.
        seconds: median wall time of a pair.
        weights: SHA-256 of the weight files that it was measured with.
    """

    trainable: int
    frozen: int
    memory: float
    seconds: float
    weights: tuple[str, ...]


def costs(order: Order, say: Say) -> dict[str, Cost]:
    """Everybody's cost, all measured in one go where one is lacking. Call within `weights_of`."""
    stored = read(order.out / COSTS)
    if all(name in stored and stored[name].weights == weights(name) for name in order.names):
        return stored
    say(f"cost of a pair of {SIDE} x {SIDE}: {', '.join(order.names)}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pairs"
        make_pairs(root, PAIRS, PAIRS, SIDE)
        times = in_turns(order.names, root)
        found = {name: cost(name, root, times[name]) for name in order.names}
    write_atomically(order.out / COSTS, json.dumps({name: asdict(one) for name, one in found.items()}, indent=1))
    return found


def cost(name: str, root: Path, a_pair: float) -> Cost:
    """One annotator's."""
    own = footprint(name, "cpu", root)
    return Cost(own.trainable, own.frozen, own.memory, a_pair, weights(name))


def weights(name: str) -> tuple[str, ...]:
    """SHA-256 of the weight files that an annotator would load now."""
    from imlbench.jobs import annotator_handles

    (handle,) = annotator_handles([name], "cpu", 0)
    return tuple(sorted(weight.sha256 for weight in handle.card.weights))


def in_turns(names: Sequence[str], root: Path) -> Mapping[str, float]:
    """Median seconds a pair of each, after one call that is not counted; whatever else runs here hits all alike."""
    annotators = {name: build(name, "cpu")[0] for name in names}
    pairs = pairs_of(root)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(1 + REPEATS):
        for pair in pairs:
            for name, annotator in annotators.items():
                time = seconds(annotator, pair, "cpu")
                taken[name] += [time] if turn else []
    return {name: statistics.median(times) for name, times in taken.items()}


def read(path: Path) -> dict[str, Cost]:
    """What is stored; nothing where it cannot be read, and is measured again."""
    try:
        values = json.loads(path.read_bytes())
        return {name: Cost(**{**value, "weights": tuple(value["weights"])}) for name, value in values.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
