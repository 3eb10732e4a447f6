"""What annotating a corpus costs: measured per pair on this machine, reckoned for a million pairs and more.

    python -m benchmarks.scale_model [--side 512] [--pairs 200] [--gpu-tflops 100]

Processor time, not wall time, so that other work on the machine matters little. GPU hours are reckoned from counted
operations and an assumed speed: no GPU takes part.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from annotators.sigma.network.model import Sigma
from annotators.sigma.network.presets import SIGMA
from benchmarks.bench_corpus import Nothing, decode_shard, plan_of
from benchmarks.bench_sigma import backbone
from benchmarks.making import make_corpus
from imlbench.annotating.shard_work import Task, annotate_shard, annotate_task
from imlbench.annotating.tools import build_tools

CORPORA = {"1.1 M": 1_100_000, "100 M": 100_000_000}
ANNOTATORS = {"pixdiff-morph": 200, "sigma-lite": 24}
"""Annotators that run here, and how many pairs are enough."""


@dataclass(frozen=True, slots=True)
class Point:
    """Measured on this machine, per pair.

    Attributes:
        read: seconds of a processor core to read and decode both images.
        gate: to check, judge and write.
        annotator: by name.
        stored: bytes of the corpus.
        written: bytes of the annotation, an annotator's masks included.
    """

    read: float
    gate: float
    annotator: dict[str, float]
    stored: float
    written: float


def core_seconds(work: Callable[[], object]) -> float:
    """Processor time of this process for some work, all threads together."""
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(root: Path, pairs: int) -> Point:
    """The costs per pair of a generated corpus."""
    nothing = plan_of(root, Nothing, pairs)
    (shard,) = nothing.shards
    tools = build_tools(nothing)
    decode_shard((nothing, shard))
    read = core_seconds(lambda: decode_shard((nothing, shard))) / pairs
    whole = core_seconds(lambda: annotate_shard(nothing, shard, tools)) / pairs
    annotator, written = {}, 0.0
    for name, count in ANNOTATORS.items():
        plan = plan_of(root, name, pairs)
        own = build_tools(plan)
        task = Task(plan.shards[0], tuple(range(min(count, pairs))))
        annotate_task(plan, task, own)
        cost = core_seconds(lambda plan=plan, task=task, own=own: annotate_task(plan, task, own))  # type: ignore[misc]
        annotator[name] = max(0.0, cost / min(count, pairs) - whole)
        if name == "pixdiff-morph":
            result = annotate_shard(plan, plan.shards[0], own)
            written = len(result.parquet) / pairs
    stored = sum(path.stat().st_size for path in root.iterdir()) / pairs
    return Point(read, whole - read, annotator, stored, written)


def sigma_operations() -> float:
    """Floating-point operations of SIGMA's forward for one pair, a multiplication and an addition counted as two."""
    network = Sigma(SIGMA, backbone()).eval()
    images = torch.rand(2, 1, 3, SIGMA.image_size, SIGMA.image_size)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(*images)
    return float(counter.get_total_flops())


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--gpu-tflops", type=float, default=100.0, help="speed that a GPU is assumed to reach")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "corpus"
        make_corpus(root, given.pairs, given.pairs, given.side, given.pairs)
        point = measure(root, given.pairs)
    print_measured(point, given.side)
    print_reckoned(point, sigma_operations(), given.gpu_tflops)


def print_measured(point: Point, side: int) -> None:
    """What a pair costs."""
    print(f"| per pair of {side} x {side} | measured |\n|---|---:|")
    print(f"| read and decode | {1e3 * point.read:.2f} ms of a core |")
    print(f"| check, judge, write | {1e3 * point.gate:.2f} ms of a core |")
    for name, seconds in point.annotator.items():
        print(f"| {name} | {1e3 * seconds:.2f} ms of a core |")
    print(f"| corpus | {1e-3 * point.stored:.0f} kB |\n| annotation | {1e-3 * point.written:.2f} kB |\n")


def print_reckoned(point: Point, operations: float, speed: float) -> None:
    """What corpora cost."""
    print(f"| reckoned | {' | '.join(CORPORA)} |\n|---|{'---:|' * len(CORPORA)}")

    def line(name: str, unit: str, per_pair: float) -> None:
        print(f"| {name}, {unit} | " + " | ".join(f"{per_pair * pairs:,.1f}" for pairs in CORPORA.values()) + " |")

    line("read and decode", "core-hours", point.read / 3600)
    line("check, judge, write", "core-hours", point.gate / 3600)
    for name, seconds in point.annotator.items():
        line(name, "core-hours", seconds / 3600)
    line(f"sigma at {operations / 1e12:.2f} Tflop a pair, {speed:g} Tflop/s", "GPU-hours", operations / speed / 3.6e15)
    line("corpus read", "GB", point.stored / 1e9)
    line("annotation written", "GB", point.written / 1e9)


if __name__ == "__main__":
    main()
