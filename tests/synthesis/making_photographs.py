"""Photographs for the tests of synthesis: noise at several scales, for segments and hashes to hold on to."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def scenery(seed: int, height: int = 120, width: int = 160) -> np.ndarray:
    """H x W x 3 uint8 with large soft shapes and fine detail."""
    generator = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((3, 1.0), (8, 0.5), (40, 0.2)):
        grid = generator.random((cells, cells, 3), dtype=np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    total -= total.min()
    return (total / total.max() * 255).astype(np.uint8)


def make_photographs(folder: Path, count: int = 4, labels: Path | None = None) -> Path:
    """Write some photographs, and for each a label file with two instances where `labels` is given."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.fromarray(scenery(index)).save(folder / f"{index}.png")
        if labels is not None:
            labels.mkdir(parents=True, exist_ok=True)
            (labels / f"{index}.txt").write_text("16 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6\n2 0.6 0.5 0.9 0.5 0.75 0.9\n")
    return folder
