"""Synthesised pairs as Parquet shards in AnyEdit's layout: a corpus whose masks are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.errors import UserError, one_line
from imlbench.files import replacing
from imlbench.synthesis.reading import Action, SynthPair

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SCHEMA = pa.schema(
    [
        ("edit_instruction", pa.string()),
        ("edit_type", pa.string()),
        ("visual_input", IMAGE),
        ("image_id", pa.string()),
        ("image_file", IMAGE),
        ("edited_file", IMAGE),
        ("input", pa.string()),
        ("output", pa.string()),
    ]
)
"""AnyEdit's columns."""

ROWS_PER_SHARD = 64
ROWS_PER_GROUP = 16

BY_KIND: Mapping[str, str] = {
    "recolouring": "color_alter",
    "retexturing": "material_change",
    "background": "background_change",
    "text": "textual_change",
    "copy-move": "movement",
}
BY_ACTION: Mapping[Action, str] = {
    "add": "add",
    "remove": "remove",
    "replace": "replace",
    "attribute change": "appearance_alter",
    "global": "style_change",
}


def source_type(pair: SynthPair) -> str:
    """AnyEdit's name for what was done to a pair: by its kind where that says more than its action."""
    by_action = BY_ACTION[pair.action]
    return by_action if pair.action in ("add", "remove") else BY_KIND.get(pair.kind, by_action)


def write_anyedit(
    pairs: Sequence[SynthPair],
    folder: str | Path,
    rows_per_shard: int = ROWS_PER_SHARD,
    rows_per_group: int = ROWS_PER_GROUP,
) -> list[Path]:
    """Write pairs as `data/train-00000-of-00004.parquet` and so on, in blocks by edit type; images as they are stored.

    The same pairs give the same bytes. `image_id` is the pair's id, under which the set knows its mask.

    Args:
        pairs: of `imlbench.synthesis.reading.read_pairs`.
        folder: made where it is not there; files of the same names are replaced.
        rows_per_shard: at most; the last shard may have fewer.
        rows_per_group: rows of a row group, at most.

    Returns:
        The shards' paths.

    Raises:
        UserError: there are no pairs, one of their files cannot be read, or the folder cannot be written.
    """
    if not pairs:
        raise UserError("no pairs to write as a corpus")
    rows = iter(sorted(pairs, key=lambda pair: (source_type(pair), pair.id)))
    count = -(-len(pairs) // rows_per_shard)
    paths = [Path(folder) / "data" / f"train-{number:05d}-of-{count:05d}.parquet" for number in range(count)]
    for path in paths:
        write_shard(path, islice(rows, rows_per_shard), rows_per_group)
    return paths


def write_shard(path: Path, pairs: Iterator[SynthPair], rows_per_group: int) -> None:
    """Write one shard, a row group at a time."""
    with replacing(path) as file, pq.ParquetWriter(file, SCHEMA, compression="snappy") as writer:
        while group := list(islice(pairs, rows_per_group)):
            writer.write_table(pa.Table.from_pylist([as_row(pair) for pair in group], SCHEMA))


def as_row(pair: SynthPair) -> dict[str, Any]:
    """A pair in AnyEdit's columns.

    Raises:
        UserError: one of its images cannot be read.
    """
    return {
        "edit_instruction": pair.instruction,
        "edit_type": source_type(pair),
        "image_id": pair.id,
        "image_file": {"bytes": read_image(pair.original), "path": None},
        "edited_file": {"bytes": read_image(pair.edited), "path": None},
    }


def read_image(path: Path) -> bytes:
    """The encoded bytes of a set's image.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{one_line(path)}: cannot be read ({error.strerror})") from error
