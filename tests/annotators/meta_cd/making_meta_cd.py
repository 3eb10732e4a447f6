"""Small networks of Meta-CD's shape, a package in the place of ultralytics, and weight files."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from annotators.meta_cd.checkpoint import save_network
from annotators.meta_cd.config import PRESETS, MetaCdConfig
from annotators.meta_cd.model import MetaCd

torch.set_num_threads(1)

TINY = MetaCdConfig(
    sam=False,
    cnn=10,
    image_size=64,
    features=(8, 16, 16, 16),
    adapted=(4, 4, 8, 8),
    decoded=8,
    semantic=4,
    change_blocks=1,
    compared=8,
    threshold_widths=(8, 8),
    pool=3,
)
"""All that the published network has but FastSAM, and narrow."""
TINY_SAM = replace(TINY, sam=True, cnn=0, threshold=False, features=(160, 320, 640, 640))
"""SAM-CD's shape over the package below."""
PUBLISHED = PRESETS["meta-cd"]

TASKS = """
import torch
from torch import nn

WIDTHS = (80, 160, 160, 320, 320, 640, 640, 640, 640, 640)
STRIDED = (0, 1, 3, 5, 7)


class Layer(nn.Module):
    def __init__(self, number, inner, outer):
        super().__init__()
        self.f = -1
        stride = 2 if number in STRIDED else 1
        self.conv = nn.Conv2d(inner, outer, stride, stride, groups=1 if inner == 3 else inner)

    def forward(self, x):
        return self.conv(x) / 8


class Neck(nn.Module):
    f = [-1, 6]

    def forward(self, x):
        raise AssertionError("the neck was run")


class SegmentationModel(nn.Module):
    def __init__(self, architecture, nc, verbose):
        super().__init__()
        assert (architecture, nc, verbose) == ("yolov8x-seg.yaml", 1, False)
        pairs = zip((3, *WIDTHS), WIDTHS)
        self.model = nn.Sequential(*(Layer(n, i, o) for n, (i, o) in enumerate(pairs)), Neck())
        self.model[10].extra = nn.Parameter(torch.zeros(1))
"""
UTILS = """
from types import SimpleNamespace


class IterableSimpleNamespace(SimpleNamespace):
    pass


class Elsewhere:
    pass
"""


@contextmanager
def package(folder: Path, tasks: str = TASKS) -> Iterator[Path]:
    """A package `ultralytics` that builds layers of YOLOv8x's channels and strides, and its state dict's file.

    Its network's neck raises where it is run.
    """
    root = folder / "packages" / "ultralytics"
    (root / "nn").mkdir(parents=True)
    for name, text in (("__init__", ""), ("nn/__init__", ""), ("nn/tasks", tasks), ("utils", UTILS)):
        (root / f"{name}.py").write_text(text)
    forget()
    sys.path.insert(0, str(root.parent))
    try:
        yield root
    finally:
        sys.path.remove(str(root.parent))
        forget()


def forget() -> None:
    """Unload the package."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "ultralytics"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def fake_model() -> nn.Module:
    """The package's network, the same at every call."""
    torch.manual_seed(1)
    return sys.modules.get("ultralytics.nn.tasks", importlib.import_module("ultralytics.nn.tasks")).SegmentationModel(
        "yolov8x-seg.yaml", nc=1, verbose=False
    )


def fastsam_file(folder: Path, name: str = "FastSAM-x.pt") -> Path:
    """A file as published: a dict with the whole network in half precision; the package must be there."""
    settings = importlib.import_module("ultralytics.utils").IterableSimpleNamespace(imgsz=1024)
    model = fake_model().half()
    model.args = settings
    torch.save({"model": model, "ema": None, "train_args": {"imgsz": 1024}, "date": "2023"}, folder / name)
    return folder / name


def tiny(config: MetaCdConfig = TINY, sam: nn.Module | None = None, seed: int = 0) -> MetaCd:
    """A network that is the same at every call, its logits spread on both sides of 0."""
    torch.manual_seed(seed)
    network = MetaCd(config, sam)
    nn.init.normal_(network.change.logit.weight, std=4)
    return network.eval()


def tiny_file(folder: Path, config: MetaCdConfig = TINY) -> Path:
    """Its weights in this project's format."""
    save_network(folder / "meta-cd.safetensors", tiny(config), {"seed": 0})
    return folder / "meta-cd.safetensors"
