"""Small sets in the layout of `imlbench export --format folder`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image


def make_export(folder: Path, train: int = 6, validation: int = 2, side: int = 40, seed: int = 0) -> Path:
    """Noise with a flat rectangle edited in; every third example is authentic. Two examples share a source."""
    generator = np.random.default_rng(seed)
    numbered = [("train", number) for number in range(train)] + [("validation", number) for number in range(validation)]
    lines = [make_example(folder, split, number, number % 3 == 2, generator, side) for split, number in numbered]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "samples.jsonl").write_text(text)
    facts = {
        "format_version": 1,
        "options": {"format": "folder", "seed": seed},
        "samples_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    (folder / "export.json").write_text(json.dumps(facts))
    return folder


def make_example(
    folder: Path, split: str, number: int, authentic: bool, generator: np.random.Generator, side: int
) -> dict[str, object]:
    """An example's files and its line."""
    original = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
    edited, mask = original.copy(), np.zeros((side, side), np.uint8)
    if not authentic:
        edited[4:24, 8:28] = (250, 20, 20)
        mask[4:24, 8:28] = 255
    name = f"0000/{number:08}"
    for role, pixels, suffix in (("original", original, "jpg"), ("edited", edited, "jpg"), ("mask", mask, "png")):
        path = folder / split / role / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **({"quality": 95} if suffix == "jpg" else {}))
    return {
        "split": split,
        "number": number,
        "path": f"{split}/edited/{name}.jpg",
        "authentic": authentic,
        "corpus": "c",
        "source": number // 2,
    }
