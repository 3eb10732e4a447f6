import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making_parquet import IMAGE, cell, corrupt_group, write_shard

from imlbench.cards import DatasetCard
from imlbench.datasets import parquet
from imlbench.datasets.hub import Names, Wanted, find_shards, split_of
from imlbench.datasets.parquet import MIN_GROUPS, RowGroups
from imlbench.datasets.shards import Shards
from imlbench.errors import Reason, SampleError, UserError

CARD = DatasetCard(
    name="toy", title="Toy", version="1", summary="", licence="", citation="", mask_rule="", layout="shards"
)


def toy(path: Path, rows: int, first: int = 0, rows_per_group: int = 4, **options) -> Path:
    numbers = range(first, first + rows)
    columns = {
        "key": [f"k{number}" for number in numbers],
        "image": [cell(f"image {number}".encode()) for number in numbers],
        "mask": [cell(f"mask {number}".encode()) for number in numbers],
    }
    return write_shard(path, columns, rows_per_group, **options)


def open_toy(root: Path, nullable=()) -> Shards:
    wanted = Wanted({"key": "string"}, ("image", "mask"), nullable)
    return Shards("toy", str(root), find_shards(str(root), CARD), wanted)


@pytest.fixture
def reads(monkeypatch):
    """Every reading of a column of a row group, in order."""
    seen = []
    lock = threading.Lock()
    read = parquet.read_column

    def counted(root, shard, group, column):
        with lock:
            seen.append((shard, group, column))
        return read(root, shard, group, column)

    monkeypatch.setattr(parquet, "read_column", counted)
    return seen


def failure(source) -> SampleError:
    with pytest.raises(SampleError) as caught:
        source.read()
    assert "\n" not in caught.value.message
    return caught.value


def test_rows_of_several_shards_and_row_groups_are_found_by_number(tmp_path):
    toy(tmp_path / "two.parquet", 5, first=7)
    toy(tmp_path / "a/one.parquet", 7, rows_per_group=3)
    shards = open_toy(tmp_path)
    assert shards.names == ("a/one.parquet", "two.parquet")
    assert len(shards) == 12
    assert shards.table.column("key").to_pylist() == [f"k{n}" for n in range(12)]
    assert [shards.cell(n, "image").read() for n in range(12)] == [f"image {n}".encode() for n in range(12)]
    assert shards.cell(8, "mask").name == "two.parquet[row group 0, row 1].mask"
    assert shards.where(11) == "two.parquet row 4"
    assert [shards.shard_of(n) for n in (6, 7)] == ["a/one.parquet", "two.parquet"]


def test_empty_shards_and_row_groups_disturb_nothing(tmp_path):
    write_shard(
        tmp_path / "a.parquet",
        {"key": pa.array([], pa.string()), "image": pa.array([], IMAGE), "mask": pa.array([], IMAGE)},
    )
    toy(tmp_path / "b.parquet", 3)
    shards = open_toy(tmp_path, nullable=("mask",))
    assert len(shards) == 3
    assert shards.cell(0, "image").read() == b"image 0"
    assert list(shards.rows()) == [("a.parquet", range(0, 0)), ("b.parquet", range(3))]
    assert shards.missing["mask"].tolist() == [False] * 3


def test_index_reads_no_image(tmp_path):
    path = toy(tmp_path / "a.parquet", 8)
    for group in (0, 1):
        corrupt_group(path, group, "image")
        corrupt_group(path, group, "mask")
    shards = open_toy(tmp_path, nullable=("mask",))
    assert len(shards) == 8
    assert not shards.missing["mask"].any()


def test_plain_binary_cells_are_read_like_structs(tmp_path):
    columns = {"key": ["a", "b"], "image": pa.array([b"x", b"y"], pa.large_binary()), "mask": [b"z", None]}
    write_shard(tmp_path / "a.parquet", columns)
    shards = open_toy(tmp_path, nullable=("mask",))
    assert [shards.cell(n, "image").read() for n in (0, 1)] == [b"x", b"y"]
    assert shards.missing["mask"].tolist() == [False, True]


def test_eight_threads_read_each_row_group_once(tmp_path, reads):
    toy(tmp_path / "a.parquet", 64, rows_per_group=16)
    shards = open_toy(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        cells = [shards.cell(row, column) for row in range(64) for column in ("image", "mask")]
        found = list(pool.map(lambda one: one.read(), cells))
    assert found == [f"{column} {row}".encode() for row in range(64) for column in ("image", "mask")]
    assert sorted(reads) == [("a.parquet", group, column) for group in range(4) for column in ("image", "mask")]


def test_eight_threads_that_start_on_one_cell_share_one_reading(tmp_path, reads):
    toy(tmp_path / "a.parquet", 4)
    source = open_toy(tmp_path).cell(2, "image")
    barrier = threading.Barrier(8)

    def read(_):
        barrier.wait(10)
        return source.read()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(8))) == {b"image 2"}
    assert len(reads) == 1


def test_only_the_column_that_is_asked_for_is_read(tmp_path, reads):
    toy(tmp_path / "a.parquet", 4)
    open_toy(tmp_path).cell(0, "image").read()
    assert reads == [("a.parquet", 0, "image")]


def test_pairs_across_two_shards_do_not_thrash(tmp_path, reads):
    toy(tmp_path / "fake.parquet", 40, rows_per_group=5)
    toy(tmp_path / "real.parquet", 40, first=40, rows_per_group=7)
    shards = open_toy(tmp_path)
    for row in range(40):
        shards.cell(row, "image").read()
        shards.cell(row, "mask").read()
        shards.cell(40 + row, "image").read()
    assert len(reads) == len(set(reads)) == 8 + 8 + 6


def test_cache_stays_bounded_over_many_row_groups(tmp_path):
    toy(tmp_path / "a.parquet", 300, rows_per_group=1)
    groups = RowGroups(str(tmp_path), max_groups=3)
    sizes = set()
    for group in range(300):
        groups.column("a.parquet", group, "image")
        sizes.add(len(groups))
    assert sizes == {1, 2, 3}


def test_cache_forgets_by_bytes_but_keeps_two_row_groups(tmp_path):
    toy(tmp_path / "a.parquet", 20, rows_per_group=1)
    groups = RowGroups(str(tmp_path), max_groups=8, max_bytes=1)
    for group in range(20):
        groups.column("a.parquet", group, "image")
        groups.column("a.parquet", group, "mask")
    assert len(groups) == MIN_GROUPS
    one = groups.column("a.parquet", 0, "image").nbytes
    roomy = RowGroups(str(tmp_path), max_groups=8, max_bytes=5 * one)
    for group in range(5):
        roomy.column("a.parquet", group, "image")
    assert len(roomy) == 5


def test_least_recently_used_row_group_is_forgotten_first(tmp_path, reads):
    toy(tmp_path / "a.parquet", 4, rows_per_group=1)
    groups = RowGroups(str(tmp_path), max_groups=2)
    for group in (0, 1, 0, 2, 0, 1):
        groups.column("a.parquet", group, "image")
    assert [group for _, group, _ in reads] == [0, 1, 2, 1]


def test_interrupted_reading_wakes_who_waits_for_it(tmp_path, monkeypatch):
    toy(tmp_path / "a.parquet", 2)
    source = open_toy(tmp_path).cell(0, "image")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(parquet, "read_column", interrupt)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            source.read()


def test_cells_travel_to_another_process_without_their_row_groups(tmp_path):
    toy(tmp_path / "a.parquet", 2)
    source = open_toy(tmp_path).cell(1, "image")
    assert source.read() == b"image 1"
    copy = pickle.loads(pickle.dumps(source))
    assert len(copy.groups) == 0
    assert copy.read() == b"image 1"
    assert copy == source


def test_corrupt_row_group_fails_its_own_samples_only_and_is_read_once(tmp_path, reads):
    corrupt_group(toy(tmp_path / "a.parquet", 8), 1, "image")
    shards = open_toy(tmp_path)
    assert shards.cell(3, "image").read() == b"image 3"
    errors = [failure(shards.cell(row, "image")) for row in (4, 5)]
    assert {error.reason for error in errors} == {Reason.UNREADABLE}
    assert "a.parquet: row group 1, column image" in errors[0].message
    assert errors[0] is not errors[1]
    assert shards.cell(4, "mask").read() == b"mask 4"
    assert len(reads) == 3


def test_flipped_byte_is_seen_where_pages_have_checksums(tmp_path):
    path = toy(tmp_path / "a.parquet", 4, write_page_checksum=True, compression="none", use_dictionary=False)
    data = path.read_bytes()
    assert data.count(b"image 2") >= 1
    path.write_bytes(data.replace(b"image 2", b"imaGe 2"))
    assert failure(open_toy(tmp_path).cell(1, "image")).reason is Reason.UNREADABLE


@pytest.mark.parametrize("keep", [0, 3, -1, -20])
def test_shard_without_a_whole_footer_is_named_in_one_line(tmp_path, keep):
    toy(tmp_path / "good.parquet", 4)
    path = toy(tmp_path / "cut.parquet", 4)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"^toy: cut\.parquet cannot be read as Parquet \(.*\); fetch the file again$"):
        open_toy(tmp_path)


def test_shard_with_a_damaged_cheap_column_is_named_in_one_line(tmp_path):
    corrupt_group(toy(tmp_path / "a.parquet", 8), 1, "key")
    with pytest.raises(UserError, match=r"toy: a\.parquet cannot be read"):
        open_toy(tmp_path)


def test_shard_that_vanishes_or_shrinks_later_fails_its_samples(tmp_path):
    path = toy(tmp_path / "a.parquet", 8)
    shards = open_toy(tmp_path)
    before = shards.cell(0, "image").signature()
    toy(tmp_path / "a.parquet", 2)
    assert failure(shards.cell(7, "image")).reason is Reason.UNREADABLE
    assert failure(shards.cell(3, "image")).reason is Reason.UNREADABLE
    assert shards.cell(0, "image").signature() not in ("", before)
    path.unlink()
    assert failure(shards.cell(0, "mask")).reason is Reason.MISSING_FILE
    assert shards.cell(0, "image").signature() == ""


def test_signature_tells_rows_apart(tmp_path):
    toy(tmp_path / "a.parquet", 8)
    shards = open_toy(tmp_path)
    assert len({shards.cell(row, "image").signature() for row in range(8)}) == 8


def test_null_cell_and_cell_with_only_a_path_are_missing_partners(tmp_path):
    images = [cell(b"x"), None, {"bytes": None, "path": "far/away.png"}]
    write_shard(tmp_path / "a.parquet", {"key": ["a", "b", "c"], "image": images, "mask": images})
    shards = open_toy(tmp_path)
    null, only_path = (failure(shards.cell(row, "image")) for row in (1, 2))
    assert (null.reason, only_path.reason) == (Reason.MISSING_PARTNER, Reason.MISSING_PARTNER)
    assert "found a null" in null.message
    assert "far/away.png" in only_path.message


def test_cell_and_row_group_above_the_limits_are_refused(tmp_path, monkeypatch):
    toy(tmp_path / "a.parquet", 4)
    monkeypatch.setattr(parquet, "MAX_FILE_BYTES", 6)
    assert failure(open_toy(tmp_path).cell(0, "image")).reason is Reason.TOO_LARGE
    monkeypatch.setattr(parquet, "MAX_CHUNK_BYTES", 10)
    assert failure(open_toy(tmp_path).cell(0, "mask")).reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("masks", "expected"),
    [
        ([None, None, cell(b"m"), None], [True, True, False, True]),
        # Not null itself, yet without bytes: the footer's count and the struct's nulls disagree.
        ([{"bytes": None, "path": "x"}, cell(b"m"), None, cell(b"m")], [True, False, True, False]),
    ],
)
@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("rows_per_group", [1, 2, 4])
def test_missing_masks_are_known_with_and_without_statistics(tmp_path, masks, expected, statistics, rows_per_group):
    columns = {"key": list("abcd"), "image": [cell(b"x")] * 4, "mask": pa.array(masks, IMAGE)}
    write_shard(tmp_path / "a.parquet", columns, rows_per_group, write_statistics=statistics)
    assert open_toy(tmp_path, nullable=("mask",)).missing["mask"].tolist() == expected


def test_missing_masks_are_known_without_reading_images_where_the_footer_or_the_path_tells(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    masks = [None, None, cell(rng.bytes(5000)), cell(rng.bytes(5000)), None, cell(rng.bytes(5000))]
    path = write_shard(
        tmp_path / "a.parquet", {"key": list("abcdef"), "image": [cell(b"x")] * 6, "mask": pa.array(masks, IMAGE)}
    )
    data = bytearray(path.read_bytes())
    for group in range(3):
        chunk = pq.read_metadata(path).row_group(group).column(3)
        assert chunk.path_in_schema == "mask.bytes"
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)
    assert open_toy(tmp_path, nullable=("mask",)).missing["mask"].tolist() == [True, True, False, False, True, False]


def test_wrong_columns_are_named(tmp_path):
    write_shard(tmp_path / "a.parquet", {"key": ["a"], "image": ["path.png"], "other": [1]})
    with pytest.raises(UserError, match=r"toy: a\.parquet has no column mask.*; it has key, image, other"):
        open_toy(tmp_path)
    write_shard(tmp_path / "a.parquet", {"key": ["a"], "image": ["path.png"], "mask": [cell(b"m")]})
    with pytest.raises(UserError, match="the column image is string, expected images"):
        open_toy(tmp_path)
    write_shard(tmp_path / "a.parquet", {"key": [["a"]], "image": [cell(b"x")], "mask": [cell(b"m")]})
    with pytest.raises(UserError, match=r"the column key is list<.*expected string"):
        open_toy(tmp_path)


def test_links_out_of_the_root_are_refused_and_links_within_are_followed(tmp_path):
    root = tmp_path / "root"
    toy(root / "blobs/abc.bin", 2)
    (root / "data").mkdir()
    (root / "data/a.parquet").symlink_to("../blobs/abc.bin")
    assert open_toy(root).cell(1, "image").read() == b"image 1"
    toy(tmp_path / "elsewhere.parquet", 2)
    (root / "data/b.parquet").symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(UserError, match=r"toy: data/b\.parquet: leads out of the dataset's root; refused; copy"):
        open_toy(root)


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"toy: a\.parquet is not a regular file"):
        open_toy(tmp_path)


def test_hidden_folders_are_passed_over(tmp_path):
    toy(tmp_path / "a.parquet", 1)
    toy(tmp_path / ".cache/download/a.parquet", 1)
    assert find_shards(str(tmp_path), CARD) == ["a.parquet"]


def test_split_is_told_by_the_shard_or_its_folder():
    splits = ("dev", "train")
    assert split_of("data/dev-00000-of-00004-abc.parquet", splits) == "dev"
    assert split_of("default/train/0000.parquet", splits) == "train"
    assert split_of("dev.parquet", splits) == "dev"
    assert split_of("data/trainer-0.parquet", splits) == ""
    assert split_of("train/dev-0.parquet", splits) == "dev"


def test_names_that_come_again_are_numbered_and_never_clash():
    names = Names()
    given = [names.unique(name) for name in ("a", "a", "b", "a#2", "a", "a#2")]
    assert given[:3] == ["a", "a#2", "b"]
    assert len(set(given)) == 6
    assert names.again["a#2"] == "a"
    assert len(names.again) == 4
