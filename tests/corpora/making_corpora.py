"""Miniatures of the published layouts of editing corpora. Everything is made here; no image of a real set is used."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
TEXT = pa.string()


def picture(seed: int, kind: str = "PNG") -> bytes:
    """A 12 x 16 image of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def before(row: int) -> bytes:
    """The original of a row."""
    return picture(2 * row, "JPEG")


def after(row: int) -> bytes:
    """The edited image of a row."""
    return picture(2 * row + 1)


def cell(data: bytes | None, path: str | None = None) -> dict[str, Any]:
    """An image as the hub's library writes it."""
    return {"bytes": data, "path": path}


def shard(path: Path, columns: dict[str, tuple[Any, list[Any]]], rows_per_group: int = 2, **options: Any) -> Path:
    """Write a shard from (type, values) by column."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({name: pa.array(values, kind) for name, (kind, values) in columns.items()})
    pq.write_table(table, path, row_group_size=rows_per_group, **options)
    return path


def anyedit(path: Path, types: list[Any], first: int = 0, **options: Any) -> Path:
    """A shard of AnyEdit with a row for each type."""
    rows = range(first, first + len(types))
    return shard(
        path,
        {
            "edit_instruction": (TEXT, [f"instruction {row}" for row in rows]),
            "edit_type": (TEXT, types),
            "visual_input": (IMAGE, [None for _ in rows]),
            "image_id": (TEXT, [f"id-{row}" for row in rows]),
            "image_file": (IMAGE, [cell(before(row)) for row in rows]),
            "edited_file": (IMAGE, [cell(after(row)) for row in rows]),
            "input": (TEXT, [f"a scene {row}" for row in rows]),
            "output": (TEXT, ["None" if row % 2 else f"another scene {row}" for row in rows]),
        },
        **options,
    )


def crispedit(path: Path, kind: str | None, rows: int) -> Path:
    """A shard of CrispEdit-2M."""
    return shard(
        path,
        {
            "input_img": (IMAGE, [cell(before(row)) for row in range(rows)]),
            "instruction": (TEXT, [f"{kind} {row}" for row in range(rows)]),
            "output_img": (IMAGE, [cell(after(row)) for row in range(rows)]),
            "type": (TEXT, [kind] * rows),
        },
    )


def omniedit(path: Path, rows: list[tuple[str, str, list[str | None] | None]]) -> Path:
    """A shard of OmniEdit from (id, task, prompts)."""
    count = range(len(rows))
    return shard(
        path,
        {
            "omni_edit_id": (TEXT, [name for name, _, _ in rows]),
            "task": (TEXT, [task for _, task, _ in rows]),
            "src_img": (IMAGE, [cell(before(row)) for row in count]),
            "edited_img": (IMAGE, [cell(after(row)) for row in count]),
            "edited_prompt_list": (pa.list_(TEXT), [prompts for _, _, prompts in rows]),
            "width": (pa.int64(), [16 for _ in count]),
            "height": (pa.int64(), [12 for _ in count]),
            "sc_score_1": (pa.int64(), [9 for _ in count]),
            "sc_reasoning": (TEXT, ["fine" for _ in count]),
            "o_score": (pa.float64(), [9.0 for _ in count]),
        },
    )


def promptfix(path: Path, tasks: list[str]) -> Path:
    """A shard of PromptFix, its images as plain bytes."""
    count = range(len(tasks))
    return shard(
        path,
        {
            "task_id": (TEXT, tasks),
            "input_img": (pa.binary(), [before(row) for row in count]),
            "processed_img": (pa.binary(), [after(row) for row in count]),
            "instruction": (TEXT, [f"do {task}" for task in tasks]),
            "auxiliary_prompt": (TEXT, [f"about {task}" for task in tasks]),
        },
    )


def damage(path: Path, group: int, column: str) -> None:
    """Overwrite the pages of one column of one row group with rubbish; the footer stays."""
    metadata = pq.read_metadata(path).row_group(group)
    data = bytearray(path.read_bytes())
    for number in range(metadata.num_columns):
        chunk = metadata.column(number)
        if chunk.path_in_schema.split(".")[0] == column:
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)


def archive(path: Path, members: Iterable[tuple[str | tarfile.TarInfo, bytes]]) -> Path:
    """Write a tar archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name) if isinstance(name, str) else name
            if isinstance(name, str):
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def pair_members(key: str, row: int) -> list[tuple[str, bytes]]:
    """The members of a pair with a text for its instruction."""
    return [
        (f"{key}.edited.png", after(row)),
        (f"{key}.instruction.txt", f"instruction {row}\n".encode()),
        (f"{key}.original.jpg", before(row)),
    ]
