"""Small images for miniatures of published layouts. Everything is made here; no image of a real set is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imlbench.datasets.base import Dataset
from imlbench.samples import Sample

SIZE = (24, 32)
"""Height and width of every image here."""

BOX = (slice(4, 12), slice(8, 24))
"""The edited region: 8 x 16 pixels."""


def photo(seed: int = 0) -> NDArray[np.uint8]:
    """H x W x 3 uint8 noise that stands for a photograph, no value above 200."""
    return np.random.default_rng(seed).integers(0, 200, (*SIZE, 3), dtype=np.uint8)


def edited(seed: int = 0) -> NDArray[np.uint8]:
    """`photo(seed)` with `BOX` painted white."""
    pixels = photo(seed)
    pixels[BOX] = 255
    return pixels


def mask(value: int = 255) -> NDArray[np.uint8]:
    """H x W uint8: `value` in `BOX`, zero elsewhere."""
    values = np.zeros(SIZE, np.uint8)
    values[BOX] = value
    return values


def expected_mask() -> NDArray[np.bool_]:
    """What every loader must read from `mask()`."""
    return mask().astype(bool)


def write(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write an image in the format of its suffix, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"quality": 100} if path.suffix.lower() in (".jpg", ".jpeg") else {}))
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a text file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, value: Any) -> Path:
    """Write a JSON file, with its folders."""
    return write_text(path, json.dumps(value))


def by_id(dataset: Dataset) -> dict[str, Sample]:
    """The samples by id; ids must be unique and printable, and as many as the dataset says."""
    samples = list(dataset.samples())
    found = {sample.id: sample for sample in samples}
    assert len(found) == len(samples) == len(dataset)
    assert all(name and name.isprintable() for name in found)
    assert [sample.id for sample in dataset.samples()] == list(found)
    return found


def strays(dataset: Dataset) -> dict[str, str]:
    """Message by name of what the dataset says belongs to no sample."""
    return {problem.name: problem.message for problem in dataset.orphans()}
