from __future__ import annotations

import datetime
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making_parquet import cell, write_shard

from imlbench.datasets.footers import Reader, null_counts
from imlbench.datasets.hub import Wanted
from imlbench.datasets.shards import Shards
from imlbench.errors import SampleError, UserError

MASKS = [cell(b"x" * 50), None, cell(None, "a"), cell(b"y"), *[cell(b"z")] * 4]
WANTED = Wanted({"label": "int64"}, ("mask",), ("mask",))


def told_by_arrow(path) -> list[dict[str, int | None]]:
    """The same from pyarrow, which may be asked of whole files."""
    metadata, found = pq.read_metadata(path), []
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group).to_dict()["columns"]
        found.append({one["path_in_schema"]: (one["statistics"] or {}).get("null_count") for one in columns})
    return found


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("version", ["1.0", "2.6"])
def test_counts_are_those_of_arrow(tmp_path, statistics, version):
    table = {
        "mask": MASKS,
        "plain": [b"a", None] * 4,
        "lists": pa.array([[1.5, None]] * 8),
        "yes": [True, None, False, True] * 2,
        "maps": pa.array([[("a", 1)]] * 8, pa.map_(pa.string(), pa.int64())),
        "dots.in.it": pa.array([datetime.date(2026, 1, 1)] * 8),
        "words": pa.array(["ä", None] * 4).dictionary_encode(),
        **{f"column {number}": [number] * 8 for number in range(20)},
    }
    path = write_shard(tmp_path / "a.parquet", table, 3, write_statistics=statistics, version=version)
    assert null_counts(path) == told_by_arrow(path)
    assert null_counts(path)[0]["mask.bytes"] == (2 if statistics else None)


def test_a_file_without_rows_counts_what_arrow_counts(tmp_path):
    path = write_shard(tmp_path / "a.parquet", {"mask": pa.array([], pa.binary())})
    assert null_counts(path) == told_by_arrow(path)


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"rubbish" * 9, b"PAR1\xff\xff\xff\x7fPAR1", b"PAR1\x15\x02\x02\x00\x00\x00PAR1"]
)
def test_what_is_no_footer_is_an_error(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ValueError, match="footer"):
        null_counts(tmp_path / "a")


@pytest.mark.parametrize(
    "data",
    [
        # Structs without end within one another; lists likewise; a list of a billion; a number without end; a text of
        # four gigabytes; a kind that is none.
        b"\x1c" * 5000,
        b"\x19" * 5000,
        b"\x19\xf5\xff\xff\xff\xff\x0f\x00",
        b"\x15" + b"\xff" * 200,
        b"\x18\xff\xff\xff\xff\x0f",
        b"\x1f\x00",
        b"\x1b\x00",
    ],
)
def test_hostile_values_are_an_error(data):
    with pytest.raises(ValueError, match="the footer"):
        Reader(data).struct(0)


def test_no_damage_to_a_footer_ends_the_process(tmp_path):
    write_shard(tmp_path / "a.parquet", {"mask": MASKS, "label": list(range(8))}, 4)
    whole = (tmp_path / "a.parquet").read_bytes()
    random, read = np.random.default_rng(0), []
    for _ in range(400):
        data = bytearray(whole)
        for place in random.integers(1, min(1500, len(data)), random.integers(1, 6)):
            data[-int(place)] = random.integers(256)
        (tmp_path / "a.parquet").write_bytes(data)
        with suppress(UserError, SampleError):
            shards = Shards("toy", str(tmp_path), ["a.parquet"], WANTED)
            read += [shards.cell(row, "mask").read() for row in (0, 3, 7)]
    assert 0 < len(read) < 1200
