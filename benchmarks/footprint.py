"""What an annotator takes up, in a process of its own: `python -m benchmarks.footprint NAME DEVICE ROOT`.

Imports nothing that the annotator does not import: it would count as its memory.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchmarks.processes import peak_megabytes
from imlbench.datasets.folder import Folder
from imlbench.jobs import annotator_handles
from imlbench.loading import load
from imlbench.samples import Pair

if TYPE_CHECKING:
    from imlbench.cards import AdapterCard

DEPTH = 6
"""Attributes of attributes that are looked into for a network."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What an annotator takes up.

    Attributes:
        trainable: parameters that training changes.
        frozen: the others.
        peak: of the process' resident memory, MB.
        cuda: of the memory that PyTorch had on the GPU, MB; 0 on a processor.
    """

    trainable: int
    frozen: int
    peak: float
    cuda: float

    @property
    def memory(self) -> float:
        """MB where the annotator works."""
        return self.cuda or self.peak


def build(name: str, device: str) -> tuple[Any, AdapterCard]:
    """The annotator and its card."""
    (handle,) = annotator_handles([name], device, 0)
    return handle.get(), handle.card


def pairs_of(root: str | Path) -> list[Pair]:
    """The decoded pairs, with an instruction each."""
    loaded = [load(sample).pair() for sample in Folder(root).samples()]
    return [Pair(pair.id, pair.original, pair.edited, "invert the disk") for pair in loaded]


def networks(found: Any, depth: int = DEPTH) -> Iterator[Any]:
    """The networks that an object holds, in its attributes or theirs; none where PyTorch was never imported."""
    torch = sys.modules.get("torch")
    if torch is None or depth < 0 or isinstance(found, (type, ModuleType)):
        return
    if isinstance(found, torch.nn.Module):
        yield found
        return
    held = found if isinstance(found, (list, tuple)) else getattr(found, "__dict__", {}).values()
    for value in held:
        yield from networks(value, depth - 1)


def parameters(annotator: Any) -> tuple[int, int]:
    """Numbers of trainable and of frozen parameters, each tensor counted once."""
    found = {id(one): one for network in networks(annotator) for one in network.parameters()}
    trainable = sum(one.numel() for one in found.values() if one.requires_grad)
    return trainable, sum(one.numel() for one in found.values()) - trainable


def measure(name: str, device: str, root: str) -> Footprint:
    """Annotate every pair in this process, one after the other."""
    annotator, _ = build(name, device)
    for pair in pairs_of(root):
        annotator.annotate([pair])
    cuda = sys.modules["torch"].cuda.max_memory_allocated() / 1e6 if device != "cpu" else 0.0
    return Footprint(*parameters(annotator), peak_megabytes(os.getpid()), cuda)


if __name__ == "__main__":
    print(json.dumps(asdict(measure(*sys.argv[1:4]))))
