"""Annotating a corpus: what everything but the annotator costs, what a second worker brings, and how memory grows."""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from benchmarks.making import make_corpus
from benchmarks.processes import children, peak_megabytes
from benchmarks.table import Row, print_table
from imlbench.adapters import Annotator
from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.engine import Crew
from imlbench.annotating.local_engine import LocalEngine
from imlbench.annotating.plan import Options, Plan, make_plan
from imlbench.annotating.shard_work import Task, annotate_task
from imlbench.annotating.status import corpus_status
from imlbench.annotating.tools import build_tools
from imlbench.cards import AdapterCard
from imlbench.corpora.opening import open_corpus
from imlbench.images import decode_image
from imlbench.settings import available_cpus

if TYPE_CHECKING:
    from imlbench.annotating.plan import Named
    from imlbench.annotating.shards import Shard
    from imlbench.samples import Pair, ScoreMap

SIDE, SMALL_SIDE = 512, 64
DISTINCT, PAIRS, LITE_PAIRS, SHARD = 200, 3000, 40, 100
SIZES = (1000, 50_000)
REPEATS = 3
SHARE_TARGET, THROUGHPUT_TARGET, WORKERS_TARGET, MEMORY_TARGET, STATUS_TARGET = 0.15, 0.7, 1.8, 50.0, 0.5


class Nothing(Annotator):
    """Marks the same quarter of every frame without looking at it."""

    card: ClassVar[AdapterCard] = AdapterCard(
        name="nothing",
        title="Nothing",
        version="1",
        summary="marks a quarter of the frame without looking",
        licence="Apache-2.0",
        citation="none",
        threshold=0.5,
    )

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        """H x W, bool each."""
        return [quarter(pair.edited.shape) for pair in pairs]


def quarter(shape: tuple[int, ...]) -> ScoreMap:
    """The upper left quarter of a frame of (height, width, ...)."""
    mask = np.zeros(shape[:2], np.bool_)
    mask[: shape[0] // 2, : shape[1] // 2] = True
    return mask


def plan_of(root: Path, annotator: Named, shard_size: int = SHARD) -> Plan:
    """The plan of a generated corpus."""
    return make_plan(open_corpus("parquet", root), annotator, Options(shard_size=shard_size))


def decode_shard(work: tuple[Plan, Shard]) -> int:
    """Read and decode both images of a shard's pairs, one after the other."""
    plan, shard = work
    pixels = 0
    for pair in plan.corpus.pairs(shard.part, shard.start, shard.stop):
        for source in (pair.original, pair.edited):
            pixels += decode_image(source.read(), source.name).pixels.size
    return pixels


def decode_all(root: Path, workers: int) -> float:
    """Seconds to read and decode the corpus in processes that do nothing else, their start included."""
    plan = plan_of(root, Nothing)
    started = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        assert sum(pool.imap_unordered(decode_shard, [(plan, shard) for shard in plan.shards]))
    return time.perf_counter() - started


def annotate_all(root: Path, workers: int) -> float:
    """Seconds to annotate the corpus with an annotator that does nothing, the processes' start included."""
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_of(root, Nothing)
        started = time.perf_counter()
        account = annotate_corpus(plan, Path(folder) / "out", LocalEngine(Crew(workers)))
        seconds = time.perf_counter() - started
    assert account.totals.rows == PAIRS
    assert not account.totals.status["failed"]
    return seconds


def throughput_rows(root: Path) -> list[Row]:
    """The engine beside plain decoding, and two workers beside one."""
    workers = available_cpus()
    times = [(decode_all(root, workers), annotate_all(root, workers), annotate_all(root, 1)) for _ in range(REPEATS)]
    ratio = statistics.median(alone / whole for alone, whole, _ in times)
    alone, whole, single = (PAIRS / statistics.median(column) for column in zip(*times, strict=True))
    what = f"{PAIRS} pairs of {SIDE} x {SIDE} in Parquet"
    detail = f"{alone:.0f} pairs/s decoded, {whole:.0f} annotated, {workers} processes, {what}"
    gain = statistics.median(one / whole for _, whole, one in times)
    needed = WORKERS_TARGET if workers == 2 else 0.9 * workers
    return [
        Row(
            "annotate-corpus, an annotator that does nothing / decoding alone",
            ratio,
            f"at least {THROUGHPUT_TARGET}",
            ratio >= THROUGHPUT_TARGET,
            detail,
        ),
        Row(
            f"annotate-corpus, {workers} workers / one",
            gain,
            f"at least {needed:g}",
            gain >= needed,
            f"{whole:.0f} pairs/s against {single:.0f}, {what}",
        ),
    ]


def overhead_row(root: Path) -> Row:
    """The share of a worker's time that is not sigma-lite's."""
    plan = plan_of(root, "sigma-lite", LITE_PAIRS)
    tools = build_tools(plan)
    adapter: Any = tools.handle.get()
    inside = 0.0
    annotate = adapter.annotate

    def timed(pairs: Sequence[Pair]) -> Sequence[ScoreMap]:
        nonlocal inside
        started = time.perf_counter()
        maps: Sequence[ScoreMap] = annotate(pairs)
        inside += time.perf_counter() - started
        return maps

    adapter.annotate = timed
    annotate_task(plan, Task(plan.shards[0], (0, 1)), tools)
    inside, started = 0.0, time.perf_counter()
    annotate_task(plan, Task(plan.shards[0]), tools)
    whole = time.perf_counter() - started
    share = 1 - inside / whole
    detail = f"{1e3 * whole / LITE_PAIRS:.0f} ms a pair, {1e3 * (whole - inside) / LITE_PAIRS:.1f} of them beside it"
    target = f"under {SHARE_TARGET:.2f}"
    return Row("annotate-corpus, share beside sigma-lite", share, target, share < SHARE_TARGET, detail)


class Watch:
    """What was seen of a run of the command.

    Attributes:
        driver: peak resident memory of the driver, MB.
        worker: the largest worker's, MB.
        status: seconds of the slowest status.
        seconds: of the run.
    """

    def __init__(self) -> None:
        self.driver = self.worker = self.status = self.seconds = 0.0


def watched_run(root: Path, pairs: int) -> Watch:
    """Annotate that many small pairs with `pixdiff-morph` by the command, and look at it meanwhile."""
    seen = Watch()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        program = Path(sys.executable).with_name("imlbench")
        command = [
            str(program),
            "annotate-corpus",
            "parquet",
            "--root",
            str(root),
            "--json",
            "--annotator",
            "pixdiff-morph",
        ]
        command += ["--workers", str(available_cpus()), "--out", str(out)]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            while process.poll() is None:
                seen.driver = max(seen.driver, peak_megabytes(process.pid))
                for child in children(process.pid):
                    seen.worker = max(seen.worker, peak_megabytes(child))
                if (out / "summary.json").exists():
                    seen.status = max(seen.status, status_seconds(out))
                time.sleep(0.1)
            assert process.stdout is not None
            found = json.loads(process.stdout.read())
        seen.seconds = time.perf_counter() - started
        assert process.returncode == 0
        assert found["rows"] == pairs
    return seen


def status_seconds(out: Path) -> float:
    """Wall time of one status."""
    started = time.perf_counter()
    corpus_status(out)
    return time.perf_counter() - started


def scale_rows(folder: Path) -> list[Row]:
    """Memory of a worker and of the driver, and the status' time, from the small to the large corpus."""
    runs = []
    for pairs in SIZES:
        root = folder / str(pairs)
        make_corpus(root, 50, pairs, SMALL_SIDE)
        runs.append(watched_run(root, pairs))
    small, large = runs
    rows = []
    for who in ("worker", "driver"):
        low, high = getattr(small, who), getattr(large, who)
        detail = f"{low:.0f} MB at {SIZES[0]:,} pairs, {high:.0f} MB at {SIZES[1]:,}, {SMALL_SIDE} x {SMALL_SIDE}"
        met = high - low <= MEMORY_TARGET
        name = f"annotate-corpus, memory growth of a {who}, MB".replace("a driver", "the driver")
        rows.append(Row(name, high - low, f"at most {MEMORY_TARGET:.0f} MB", met, detail))
    detail = f"the slowest while {SIZES[1]:,} pairs were annotated in {large.seconds:.0f} s"
    met = large.status < STATUS_TARGET
    return [*rows, Row("corpus status, s", large.status, f"under {STATUS_TARGET} s", met, detail)]


def run() -> list[Row]:
    """Throughput, workers, share, memory, status."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "corpus"
        make_corpus(root, DISTINCT, PAIRS, SIDE)
        rows = throughput_rows(root)
        # Last, since it loads torch into this process.
        return [*rows, *scale_rows(Path(folder)), overhead_row(root)]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print_table(run())
