"""Parquet as the Hugging Face library `datasets` writes it: images as bytes, their features in the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.exporting.formats.base import Example, Writer

MAX_BYTES = 1 << 28
ROWS_PER_GROUP = 100
"""Few, so that a reader of one row reads little more than that row."""
GROUP_BYTES = 1 << 25
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "number": (pa.int64(), "int64"),
    "edited": (IMAGE, "Image"),
    "original": (IMAGE, "Image"),
    "mask": (IMAGE, "Image"),
    "authentic": (pa.bool_(), "bool"),
    "instruction": (pa.string(), "string"),
    "corpus": (pa.string(), "string"),
    "id": (pa.string(), "string"),
    "edit_type": (pa.string(), "string"),
    "source_type": (pa.string(), "string"),
    "area": (pa.float64(), "float64"),
    "qes": (pa.float64(), "float64"),
    "source": (pa.int64(), "int64"),
}
"""Columns with Arrow's type and that of `datasets`."""


def schema() -> Any:
    """The `pyarrow.Schema`, with the note by which `datasets` knows the images."""
    features = {
        name: {"_type": "Image"} if kind == "Image" else {"dtype": kind, "_type": "Value"}
        for name, (_, kind) in COLUMNS.items()
    }
    note = json.dumps({"info": {"features": features}})
    return pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()], metadata={"huggingface": note})


class Shards:
    """The Parquet files of one split."""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder = folder
        self.split = split
        self.number = 0
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._writer: Any = None

    def path(self) -> Path:
        """Of the current file, while it is not known how many there will be."""
        return self.folder / f"{self.split}-{self.number:05d}"

    def add(self, row: dict[str, Any], size: int) -> None:
        """Take a row of about `size` bytes."""
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) >= ROWS_PER_GROUP or self._bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are held as a row group, and begin a new file after a full one."""
        if not self._rows:
            return
        if self._writer is None:
            self.folder.mkdir(exist_ok=True)
            # Images are compressed already; of the rest a dictionary saves more than a compressor would.
            self._writer = pq.ParquetWriter(self.path(), schema(), compression="none", write_page_checksum=True)
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=schema()))
        self._rows, self._bytes = [], 0
        if self.path().stat().st_size >= MAX_BYTES:
            self.end()

    def end(self) -> None:
        """Finish the current file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self.number += 1

    def finish(self) -> None:
        """Write what is left; names tell the number of files, as those on the hub do."""
        self.flush()
        self.end()
        total, self.number = self.number, 0
        for number in range(total):
            self.number = number
            self.path().rename(self.folder / f"{self.split}-{number:05d}-of-{total:05d}.parquet")


class HuggingFaceWriter(Writer):
    """`data/train-00000-of-00012.parquet` and so on; the folder can be put on the hub as it is."""

    usage = """\
- `data/train-*.parquet` and `data/validation-*.parquet`: columns `edited`, `original` and `mask` (images), `authentic`,
  `instruction`, `corpus`, `id`, `edit_type`, `source_type`, `area`, `qes`, `source`.
- An authentic example has the same image in `original` and `edited`, and a black mask.

`datasets.load_dataset` of this folder reads it, with images as images."""

    def __init__(self, root: Path, suffix: str, prefix: str = "") -> None:
        super().__init__(root, suffix, prefix)
        self._splits: dict[str, Shards] = {}

    def add(self, example: Example) -> str:
        images = {
            "edited": {"bytes": example.edited, "path": f"{example.name}.edited{self.suffix}"},
            "original": {"bytes": example.original, "path": f"{example.name}.original{self.suffix}"},
            "mask": {"bytes": example.mask, "path": f"{example.name}.mask.png"},
        }
        texts = {"number": example.number, "authentic": example.authentic, "instruction": example.instruction}
        facts = {name: example.facts.get(name) for name in COLUMNS if name not in images and name not in texts}
        size = len(example.edited) + len(example.original) + len(example.mask)
        shards = self._splits.setdefault(example.split, Shards(self.root / "data", example.split))
        shards.add(images | texts | facts, size)
        return "data"

    def finish(self) -> None:
        for shards in self._splits.values():
            shards.finish()

    def close(self) -> None:
        for shards in self._splits.values():
            shards.end()
