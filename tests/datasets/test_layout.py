"""What the path-based loaders share: walking, indexing, finding the top folder, reading JSON, naming."""

import os
import tracemalloc

import pytest
from making import edited, mask, photo, write, write_json, write_text

from imlbench.datasets import files
from imlbench.datasets.cocoglide import CoCoGlide
from imlbench.datasets.files import FileIndex, below, printable, walk
from imlbench.datasets.folder import Folder
from imlbench.datasets.jsonfile import read_json
from imlbench.datasets.layout import contents, find_top
from imlbench.errors import Reason, SampleError, UserError
from imlbench.sources import BrokenSource, FileSource


def test_walk_passes_over_hidden_files_litter_other_types_and_linked_folders(tmp_path):
    for name in ("b/2.png", "b/1.JPG", "a.tif", ".hidden.png", ".git/x.png", "__MACOSX/1.jpg", "notes.txt"):
        write_text(tmp_path / name, "")
    os.symlink(tmp_path, tmp_path / "b" / "loop")
    assert list(walk(str(tmp_path))) == ["a.tif", "b/1.JPG", "b/2.png"]
    assert list(walk(str(tmp_path), "nowhere")) == []


def test_walk_reports_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(files.os, "scandir", refuse)
    with pytest.raises(UserError, match="the folder cannot be listed: Permission denied"):
        list(walk(str(tmp_path)))


def test_index_finds_one_file_and_says_why_not(tmp_path):
    for name in ("m/x.png", "m/y.png", "m/y.jpg", "m/deep/z.png"):
        write_text(tmp_path / name, "")
    index = FileIndex(str(tmp_path), "m", below("m"))
    assert index.find("x") == FileSource(str(tmp_path), "m/x.png")
    assert index.find("nothing", "deep/z") == FileSource(str(tmp_path), "m/deep/z.png")
    missing, double = index.find("z"), index.find("y")
    assert isinstance(missing, BrokenSource)
    assert isinstance(double, BrokenSource)
    assert (missing.reason, double.reason) == (Reason.MISSING_PARTNER, Reason.DOUBLE_MATCH)
    assert double.message == "y: 2 matches in m: m/y.jpg, m/y.png"
    assert len(index) == 4
    assert [problem.name for problem in index.unused({"x", "y"}, "why")] == ["m/deep/z.png"]


def test_printable_keeps_readable_names_and_escapes_the_rest():
    assert printable("dining table/é 犬") == "dining table/é 犬"
    assert printable("a\udcff\n") == "a\\udcff\\n"


def test_top_is_the_shallowest_folder_and_not_searched_too_deep(tmp_path):
    (tmp_path / "one/table.csv").mkdir(parents=True)
    (tmp_path / "one/two/table.csv").mkdir(parents=True)
    assert find_top(str(tmp_path), CoCoGlide.card, ("table.csv",)) == str(tmp_path / "one")
    (tmp_path / "far/a/b/c/Tp").mkdir(parents=True)
    with pytest.raises(UserError, match="found far, one"):
        find_top(str(tmp_path), CoCoGlide.card, ("Tp",))


def test_contents_are_few_names_on_one_line(tmp_path):
    assert contents(str(tmp_path)) == "nothing"
    for number in range(7):
        (tmp_path / f"n{number}\n").mkdir()
    assert contents(str(tmp_path)) == "n0\\n, n1\\n, n2\\n, n3\\n, n4\\n and 2 more"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1', Reason.UNREADABLE),
        (b'"\xff"', Reason.UNREADABLE),
        (b"[" * 200_000, Reason.UNREADABLE),
        (b"[" + b" " * 2_000_000 + b"]", Reason.TOO_LARGE),
    ],
)
def test_json_that_cannot_be_used_says_why(tmp_path, data, reason):
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(SampleError, match=r"x\.json: ") as raised:
        read_json(str(tmp_path), "x.json", 1_000_000)
    assert raised.value.reason == reason


def test_json_is_read_below_the_root_only(tmp_path):
    write_json(tmp_path / "outside.json", [])
    (tmp_path / "set").mkdir()
    os.symlink(tmp_path / "outside.json", tmp_path / "set/link.json")
    for name, reason in (
        ("link.json", Reason.OUTSIDE_ROOT),
        ("../outside.json", Reason.OUTSIDE_ROOT),
        ("gone.json", Reason.MISSING_FILE),
    ):
        with pytest.raises(SampleError) as raised:
            read_json(str(tmp_path / "set"), name, 100)
        assert raised.value.reason == reason


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "my edits v1.5"
    for name, pixels in (("original", photo()), ("edited", edited()), ("mask", mask())):
        write(root / name / "a.png", pixels)
    return root


def test_generic_set_is_named_by_its_root_or_by_the_user(folder):
    assert (Folder(folder).label, Folder(folder).title) == ("folder:my edits v1.5", "my edits v1.5")
    assert (Folder(folder, "Mine").label, Folder(folder, "Mine").title) == ("folder:Mine", "Mine")


@pytest.mark.parametrize("name", [" padded", "two\nlines", "x" * 81, "a/b", "\udcff"])
def test_unusable_names_are_refused(folder, name):
    with pytest.raises(UserError, match="cannot be a set's name"):
        Folder(folder, name)


def test_index_of_many_files_stays_small(tmp_path):
    paths = [f"edited/part {number % 7}/{number:08d}_some name.png" for number in range(20_000)]
    tracemalloc.start()
    index = FileIndex(str(tmp_path), "edited", below("edited"), paths=paths)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(index) == 20_000
    assert size < 10 << 20
