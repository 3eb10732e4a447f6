"""Small Parquet shards in the layouts of the hubs. Everything is made here; no image of a real set is used."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from making import edited, mask, photo
from numpy.typing import NDArray
from PIL import Image

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG bytes of an H x W, H x W x 3 or H x W x 4 image."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def cell(data: bytes | None, path: str | None = None) -> dict[str, Any] | None:
    """An image as the hub's library writes it; None is a null."""
    return None if data is None else {"bytes": data, "path": path}


def write_shard(path: Path, columns: dict[str, Any], rows_per_group: int = 2, **options: Any) -> Path:
    """Write a shard; columns whose values are cells become image structs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({name: as_column(values) for name, values in columns.items()})
    pq.write_table(table, path, row_group_size=rows_per_group, **options)
    return path


def as_column(values: Any) -> Any:
    """An Arrow array: image structs where a value is a cell, else what Arrow infers."""
    if isinstance(values, Sequence) and any(isinstance(value, dict) for value in values):
        return pa.array(values, IMAGE)
    return values if isinstance(values, pa.Array) else pa.array(values)


def painted_out(pixels: NDArray[np.uint8], region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An RGBA copy of an image, transparent where `region` is not zero, its colours kept everywhere."""
    return np.dstack([pixels, np.where(region > 0, 0, 255).astype(np.uint8)])


def doubled(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image at twice its height and width."""
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def magicbrush_rows(turns: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """MagicBrush's columns for (img_id, turn) pairs; sources are half the size of masks and targets."""
    seeds = range(len(turns))
    return {
        "img_id": [image for image, _ in turns],
        "turn_index": pa.array([turn for _, turn in turns], pa.int32()),
        "source_img": [cell(png(photo(seed)), "source.png") for seed in seeds],
        "mask_img": [cell(png(painted_out(doubled(photo(seed)), doubled(mask())))) for seed in seeds],
        "instruction": [f"turn {turn} of {image}" for image, turn in turns],
        "target_img": [cell(png(doubled(edited(seed)))) for seed in seeds],
    }


def opensdi_rows(rows: Sequence[tuple[str | None, int, bool]], seed: int = 0) -> dict[str, Any]:
    """OpenSDI's columns for (key, label, has a mask) rows: fakes are edited photos, reals photos, by row number."""
    numbered = list(enumerate(rows, start=seed))
    masks = [cell(png(np.dstack([mask()] * 3))) if masked else None for _, (_, _, masked) in numbered]
    return {
        "key": pa.array([key for _, (key, _, _) in numbered], pa.string()),
        "image": [cell(png(edited(n) if label == 1 else photo(n)), f"{n}.png") for n, (_, label, _) in numbered],
        "mask": pa.array(masks, IMAGE),
        "label": [label for _, (_, label, _) in numbered],
    }


def corrupt_group(path: Path, group: int, column: str) -> None:
    """Overwrite the pages of one column of one row group with rubbish; the footer stays."""
    metadata = pq.read_metadata(path).row_group(group)
    data = bytearray(path.read_bytes())
    for number in range(metadata.num_columns):
        chunk = metadata.column(number)
        if chunk.path_in_schema.split(".")[0] == column:
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)
