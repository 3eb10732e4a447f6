"""Detectors' whole paths beside the forward passes of their networks, which are timed inside the very same calls.

From a decoded picture to its score map. Weights are random: they change no time. Only the time inside modules counts
as the network's, so that what its code does between them counts against the adapter. Detectors over networks of a
package that is not installed are named and left out.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from benchmarks.making import make_pairs
from benchmarks.table import Row, print_table
from imlbench import registry
from imlbench.adapters import Picture
from imlbench.datasets.folder import Folder
from imlbench.errors import UserError
from imlbench.loading import load_alone

BORROWED = ("cat-net", "iml-vit", "mesorch", "mvss-net", "pscc-net", "sparse-vit", "trufor")
OWN = "tiny-unet"
SIDE, REPEATS = 512, 5
TARGET = 1.15


@dataclass
class InsideModules:
    """Seconds spent inside modules that were called from outside any module."""

    wait: Callable[[], None]
    seconds: float = 0.0
    _depth: int = field(default=0, repr=False)
    _entered: float = field(default=0.0, repr=False)

    @contextmanager
    def listening(self) -> Iterator[InsideModules]:
        """Counts while it is open."""
        handles = (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        )
        try:
            yield self
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, *_: Any) -> None:
        if not self._depth:
            self.wait()
            self._entered = time.perf_counter()
        self._depth += 1

    def _leave(self, *_: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self.wait()
            self.seconds += time.perf_counter() - self._entered


def tiny_unet(device: str) -> Any:
    """The own detector over random weights."""
    from detectors.tiny_unet.config import TinyUnetConfig
    from detectors.tiny_unet.network import TinyUnet
    from detectors.tiny_unet.own_files import save_network

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.safetensors"
        save_network(path, TinyUnet(TinyUnetConfig()))
        return registry.resolve("detectors", OWN).load()(device, weights=path)


def borrowed(name: str, device: str) -> Any:
    """A detector over a borrowed network with random weights.

    Raises:
        UserError: the package is missing, or has another network.
    """
    kind = registry.resolve("detectors", name).load()
    module = import_module(f"{kind.__module__.rpartition('.')[0]}.network")
    return kind(device, network=module.build())


def usable(device: str) -> Iterator[tuple[str, Any]]:
    """Detectors that can be built here; the others are named on standard error."""
    yield OWN, tiny_unet(device)
    for name in BORROWED:
        try:
            yield name, borrowed(name, device)
        except UserError as error:
            print(f"  left out: {error}", file=sys.stderr)


def timed(detector: Any, picture: Picture, device: str) -> tuple[float, float]:
    """Seconds of the whole path, and of the network within it."""
    wait: Callable[[], None] = torch.cuda.synchronize if device != "cpu" else (lambda: None)
    wait()
    with InsideModules(wait).listening() as inside:
        started = time.perf_counter()
        detector.detect([picture])
        wait()
        whole = time.perf_counter() - started
    return whole, inside.seconds


def run() -> list[Row]:
    """A row for each detector, on the GPU where there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        make_pairs(Path(folder), 1, 1, SIDE)
        (sample,) = Folder(folder).samples()
        picture = load_alone(sample).picture()
    rows = []
    for name, detector in usable(device):
        timed(detector, picture, device)
        times = [timed(detector, picture, device) for _ in range(REPEATS)]
        ratio = statistics.median(whole / network for whole, network in times)
        whole, network = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
        detail = f"{whole:.1f} ms an image, {network:.1f} ms in modules, {SIDE} x {SIDE}"
        title = f"{name} on {device}, whole path / its network"
        rows.append(Row(title, ratio, f"at most {TARGET}", ratio <= TARGET, detail))
    return rows


if __name__ == "__main__":
    print_table(run())
