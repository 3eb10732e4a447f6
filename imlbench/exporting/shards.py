"""Reading the shards of an annotation: Parquet files, each as its manifest says."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.errors import UserError, one_line

LIGHT = (
    "id",
    "part",
    "row",
    "corpus",
    "source_type",
    "edit_type",
    "status",
    "reason",
    "area",
    "qes",
    "agreement",
    "phash",
    "original_sha256",
    "edited_sha256",
)
"""Columns that are read for every row."""
HEAVY = ("id", "source_id", "row", "instruction", "height", "width", "mask", "components", "alignment", "soft")
"""Columns that are read a shard at a time, while its images are written."""
DIGEST = re.compile(r"[0-9a-f]{64}")
HASH = re.compile(r"[0-9a-f]{16}")
MAX_JSON_BYTES = 1 << 28


def read_shard(manifest: Path, plan: Any) -> pd.DataFrame:
    """The light columns of a shard whose file is the one that its manifest speaks of.

    Args:
        manifest: of the shard.
        plan: hexadecimal SHA-256 of the plan that the shard must be of.

    Raises:
        UserError: the file was changed, is of another plan, or is no Parquet of that layout.
    """
    path = manifest.with_suffix(".parquet")
    facts = read_object(manifest, f"{one_line(manifest, 200)}: no manifest of a shard")
    expected = facts.get("parquet_sha256")
    if facts.get("plan") != plan:
        raise UserError(f"{one_line(manifest, 200)}: of another plan than plan.json; annotate the corpus again")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{one_line(path, 200)}: cannot be read ({error.strerror})") from error
    if digest != expected:
        raise UserError(f"{one_line(path, 200)}: not the file that its manifest speaks of; annotate the corpus again")
    frame: pd.DataFrame = read_columns(path, LIGHT).to_pandas()
    return frame.astype({"row": "int64", "area": "float64", "qes": "float64", "agreement": "float64"})


def read_columns(path: Path, columns: tuple[str, ...]) -> Any:
    """Columns of a shard, as `pyarrow.Table`.

    Raises:
        UserError: it is no Parquet file, or has not these columns.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            lacking = [name for name in columns if name not in file.schema_arrow.names]
            if lacking:
                raise UserError(f"{one_line(path, 200)}: expected the columns of an annotated shard, lacking {lacking}")
            return file.read(columns=list(columns))
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{one_line(path, 200)}: cannot be read as Parquet ({one_line(error, 200)})") from error


def check_kept(kept: pd.DataFrame, root: Path) -> None:
    """See that all on which the split rests is there.

    Raises:
        UserError: a hash is none, or an id is there twice.
    """
    for column, pattern in (("original_sha256", DIGEST), ("edited_sha256", DIGEST), ("phash", HASH)):
        wrong = [text for text in kept[column] if not (isinstance(text, str) and pattern.fullmatch(text))]
        if wrong:
            shown = one_line(repr(wrong[0]), 80)
            raise UserError(f"{one_line(root, 200)}: {column} of a kept pair is no hash: {shown}; annotate it again")
    if kept["id"].duplicated().any():
        twice = one_line(kept["id"][kept["id"].duplicated()].iloc[0], 80)
        raise UserError(f"{one_line(root, 200)}: pair {twice!r} is there twice; annotate the corpus again")


def read_object(path: Path, problem: str) -> dict[str, Any]:
    """Content of a JSON file that holds an object.

    Raises:
        UserError: it is missing or something else; the message begins with `problem`.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise UserError(f"{problem} ({path.name} is above {MAX_JSON_BYTES} bytes)")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{problem} ({path.name}: {error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{problem} ({path.name} is not JSON: {one_line(error, 200)})") from error
    if not isinstance(value, dict):
        raise UserError(f"{problem} ({path.name} holds no object)")
    return value
