"""SIGMA's forward beside its backbone's, and the whole of sigma-lite from files to mask beside its backbone's.

SIGMA's backbone has random weights here: they decide no time. Trainable parts are the untrained network's for the
same reason.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from annotators.sigma.annotator import SigmaLite
from annotators.sigma.network.model import Sigma
from annotators.sigma.network.presets import SIGMA
from benchmarks.making import make_pairs
from benchmarks.table import Row, print_table
from imlbench.backbones.dinov2 import Dinov2
from imlbench.datasets.folder import Folder
from imlbench.loading import load

if TYPE_CHECKING:
    from imlbench.samples import Sample

FORWARD_TARGET = 1.30
PATH_TARGET = 2.5
MEMORY_TARGET = 1500.0
BATCH, SIDE = 8, 512
FORWARD_REPEATS, PATH_REPEATS = 3, 15

CHILD = """
import sys
from pathlib import Path
from annotators.sigma.annotator import SigmaLite
from imlbench.datasets.folder import Folder
from imlbench.loading import load
lite = SigmaLite()
for sample in Folder(sys.argv[1]).samples():
    assert lite.annotate([load(sample).pair()])[0].shape == (512, 512)
print(next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines()
           if line.startswith("VmHWM")))
"""


def backbone() -> Dinov2:
    """DINOv2-Base as SIGMA sees it, with random weights."""
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, image_size=518, patch_size=14)
    return Dinov2(Dinov2Model(config), SIGMA.layers)


def interleaved(first: Callable[[], object], second: Callable[[], object], repeats: int) -> tuple[float, float, float]:
    """Median seconds of both, after one call of each, and the median of their ratios, pair by pair."""
    first()
    second()
    times = [(seconds(first), seconds(second)) for _ in range(repeats)]
    ratio = statistics.median(one / other for one, other in times)
    return statistics.median(one for one, _ in times), statistics.median(other for _, other in times), ratio


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


@torch.inference_mode()
def forward_row() -> Row:
    """SIGMA at batch 8, that is 16 images, on this processor."""
    network = Sigma(SIGMA, backbone()).eval()
    original, edited = torch.rand(2, BATCH, 3, SIGMA.image_size, SIGMA.image_size).unbind()
    both = torch.cat([original, edited])
    whole, bare, ratio = interleaved(
        lambda: network(original, edited), lambda: network.encoder.levels(both), FORWARD_REPEATS
    )
    detail = f"{whole:.1f} s against {bare:.1f} s, batch {BATCH} at {SIGMA.image_size} x {SIGMA.image_size}, processor"
    return Row(
        "sigma's forward / its backbone's alone", ratio, f"at most {FORWARD_TARGET}", ratio <= FORWARD_TARGET, detail
    )


def path_row(samples: list[Sample]) -> Row:
    """sigma-lite from two JPEG files to a mask, one pair after the other."""
    lite = SigmaLite()
    encoder = lite.predictor.network.encoder
    turn = iter(range(1 << 30))

    def whole() -> None:
        pair = load(samples[next(turn) % len(samples)]).pair()
        assert (lite.annotate([pair])[0] >= lite.card.threshold).shape == (SIDE, SIDE)

    images: Tensor = torch.rand(2, 1, 3, SIDE, SIDE)

    def bare() -> None:
        for image in images:
            encoder.levels(image)

    whole_time, bare_time, ratio = interleaved(whole, bare, PATH_REPEATS)
    detail = f"{1e3 * whole_time:.0f} ms a pair against {1e3 * bare_time:.0f} ms, {SIDE} x {SIDE}, files to mask"
    target = f"under {PATH_TARGET}"
    return Row("sigma-lite, files to mask / its backbone's two forwards", ratio, target, ratio < PATH_TARGET, detail)


def memory_row(root: Path, count: int) -> Row:
    """Peak resident memory of a process that annotates the pairs."""
    command = [sys.executable, "-c", CHILD, str(root)]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1e3
    detail = f"{count} pairs of {SIDE} x {SIDE}, one after the other, the whole process"
    return Row("sigma-lite, peak memory, MB", peak, f"under {MEMORY_TARGET:.0f} MB", peak < MEMORY_TARGET, detail)


def run() -> list[Row]:
    """Forward, whole path, memory."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pairs"
        make_pairs(root, 8, 8, SIDE)
        samples = list(Folder(root).samples())
        with torch.inference_mode():
            rows = [path_row(samples)]
        rows.append(memory_row(root, len(samples)))
    return [forward_row(), *rows]


if __name__ == "__main__":
    print_table(run())
