"""Small sets in the layout of `imlbench synth`, to train on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image


def make_set(folder: Path, count: int = 6, seed: int = 0, side: int = 64) -> Path:
    """A synthesised set: noise, with a coloured rectangle edited in; every fourth pair is a zero edit."""
    generator = np.random.default_rng(seed)
    lines = [json.dumps(make_pair(folder, index, generator, side)) for index in range(count)]
    text = "".join(f"{line}\n" for line in lines)
    (folder / "pairs.jsonl").write_text(text)
    facts = {"format": 1, "pairs_sha256": hashlib.sha256(text.encode()).hexdigest()}
    (folder / "set.json").write_text(json.dumps(facts))
    return folder


def make_pair(folder: Path, index: int, generator: np.random.Generator, side: int) -> dict[str, object]:
    """One pair's images and its line."""
    original = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
    edited, mask = original.copy(), np.zeros((side, side), np.uint8)
    zero = index % 4 == 3
    if not zero:
        top, left = generator.integers(0, side // 2, 2)
        edited[top : top + side // 2, left : left + side // 2] = (250, 20, 20)
        mask[top : top + side // 2, left : left + side // 2] = 255
    names = {}
    for role, pixels in (("original", original), ("edited", edited), ("mask", mask)):
        (folder / role).mkdir(parents=True, exist_ok=True)
        names[role] = f"{role}/{index:06}.png"
        Image.fromarray(pixels).save(folder / names[role])
    return {
        **names,
        "id": f"{index:06}",
        "source": f"photograph-{index}.png",
        "action": "global" if zero else "add",
        "instruction": None if zero else "add a red square",
        "concept_original": None,
        "concept_edited": None if zero else "red square",
        "kind": "none" if zero else "insertion",
        "encoding": {"original": [], "edited": []},
        "seed": 0,
        "width": side,
        "height": side,
        "zero_edit": zero,
        "split": "validation" if index >= 4 else "train",
        "source_sha256": hashlib.sha256(b"photograph %d" % index).hexdigest(),
    }
