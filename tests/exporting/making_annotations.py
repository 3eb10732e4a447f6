"""A small corpus in AnyEdit's layout, and an annotation of it as `imlbench annotate-corpus` leaves one.

Everything is made here; no image of a real set is used.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from imlbench.annotating.alignment import small_copy
from imlbench.annotating.perceptual_hash import perceptual_hash
from imlbench.annotating.plan import FORMAT
from imlbench.annotating.rows import Row, parquet_bytes, table_of
from imlbench.rle import encode

SIZE = (48, 64)
"""Height and width."""
DIGEST = "cd" * 32
"""Of the plan."""
BOX = (slice(8, 24), slice(16, 48))


def photo(seed: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Smooth noise that differs from any other seed's in its low frequencies."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 200, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC))


def edited(original: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The original with a brighter box."""
    image = original.copy()
    image[BOX] = 255 - image[BOX]
    return image


def mask(size: tuple[int, int] = SIZE) -> NDArray[np.bool_]:
    """True in the box."""
    values = np.zeros(size, np.bool_)
    values[BOX] = True
    return values


def file_bytes(pixels: NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:
    """An image as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@dataclass
class Pair:
    """A pair to be written, and what its row says where that is not the usual."""

    original: bytes
    edited: bytes
    instruction: str = "invert the box"
    edit_type: str = "replace"
    columns: dict[str, Any] = field(default_factory=dict)


def plain_pair(seed: int, **columns: Any) -> Pair:
    """A pair whose original is a JPEG with metadata and whose edited image is a PNG: containers that tell."""
    pixels = photo(seed)
    exif = Image.Exif()
    exif[0x010E] = "a camera's note"
    original = file_bytes(pixels, "JPEG", quality=92, exif=exif)
    return Pair(original, file_bytes(edited(pixels)), columns=columns)


def plain_pairs(number: int) -> list[Pair]:
    return [plain_pair(seed) for seed in range(number)]


def write_corpus(root: Path, pairs: list[Pair], per_file: int = 4) -> Path:
    """AnyEdit's Parquet files."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [("edited_file", image), ("image_file", image), ("edit_instruction", pa.string())]
    schema = pa.schema([*fields, ("edit_type", pa.string()), ("image_id", pa.string())])
    (root / "data").mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(pairs), per_file)):
        rows = [
            {
                "edited_file": {"bytes": pair.edited, "path": "../../evil.png"},
                "image_file": {"bytes": pair.original, "path": None},
                "edit_instruction": pair.instruction,
                "edit_type": pair.edit_type,
                "image_id": f"../{start + place}",
            }
            for place, pair in enumerate(pairs[start : start + per_file])
        ]
        name = f"train-{number:05d}-of-{-(-len(pairs) // per_file):05d}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), root / "data" / name, row_group_size=2)
    return root


def row_of(pair: Pair, part: str, number: int, place: int) -> Row:
    """The row that an annotator without errors would leave."""
    pixels = np.asarray(Image.open(io.BytesIO(pair.edited)).convert("RGB"))
    first = np.asarray(Image.open(io.BytesIO(pair.original)).convert("RGB"))
    marked = mask(pixels.shape[:2])
    row = Row(f"{part}#{number}", f"../{place}", part, number, "anyedit", pair.edit_type, "replacement")
    row.instruction = pair.instruction
    row.height, row.width = marked.shape
    row.mask, row.area, row.components = encode(marked), float(marked.mean()), 1
    row.qes, row.alignment = 0.9, 0.99
    row.phash = perceptual_hash(small_copy(first))
    row.original_sha256 = hashlib.sha256(pair.original).hexdigest()
    row.edited_sha256 = hashlib.sha256(pair.edited).hexdigest()
    for name, value in pair.columns.items():
        setattr(row, name, value)
    return row


def write_annotation(root: Path, pairs: list[Pair], per_file: int = 4, per_shard: int = 3) -> Path:
    """Plan, shards and manifests."""
    (root / "shards").mkdir(parents=True)
    shards: list[list[Row]] = []
    files = -(-len(pairs) // per_file)
    for number, start in enumerate(range(0, len(pairs), per_file)):
        part = f"data/train-{number:05d}-of-{files:05d}.parquet"
        rows = [row_of(pair, part, place, start + place) for place, pair in enumerate(pairs[start : start + per_file])]
        shards += [rows[first : first + per_shard] for first in range(0, len(rows), per_shard)]
    for number, rows in enumerate(shards):
        data = parquet_bytes(table_of(rows))
        path = root / "shards" / f"{number:06d}.parquet"
        path.write_bytes(data)
        write_manifest(path)
    plan = {
        "format": FORMAT,
        "corpus": "anyedit",
        "annotator": {"name": "pixdiff-morph", "version": "1", "weights": ["ab" * 32], "seed": None},
        "second": None,
        "gates": {"min_qes": 0.5, "area": [0.002, 0.9]},
        "parts": [],
        "shards": [[0, 0, 3]] * len(shards),
        "digest": DIGEST,
        "root": "/nowhere/at/all",
    }
    (root / "plan.json").write_text(json.dumps(plan))
    return root


def write_manifest(path: Path) -> None:
    """The manifest that fits a shard's file."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({"plan": DIGEST, "parquet_sha256": digest}))


@dataclass
class Made:
    """A corpus and its annotation."""

    corpus: Path
    annotation: Path


def make_both(root: Path, pairs: list[Pair]) -> Made:
    return Made(write_corpus(root / "corpus", pairs), write_annotation(root / "annotated", pairs))


def read_image(path: Path) -> NDArray[np.uint8]:
    """An image's pixels; its file is closed."""
    with Image.open(path) as image:
        return np.asarray(image)


def tree(root: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
