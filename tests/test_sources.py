"""Reading bytes from a hostile folder: nothing hangs, nothing outside the root is read."""

import os
import threading

import pytest

from imlbench import sources
from imlbench.errors import Reason, SampleError
from imlbench.sources import BrokenSource, BytesSource, FileSource

SECRET = b"not for you"


@pytest.fixture
def root(tmp_path):
    """A dataset root with one file, and a file beside it that must never be read."""
    folder = tmp_path.resolve() / "set"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"content")
    (tmp_path / "secret.png").write_bytes(SECRET)
    return folder


def refused(root, name, reason, words):
    with pytest.raises(SampleError, match=words) as caught:
        FileSource(str(root), name).read()
    assert caught.value.reason is reason
    assert "\n" not in caught.value.message


def test_a_file_below_the_root_is_read(root):
    (root / "deep").mkdir()
    (root / "deep" / "b.png").write_bytes(b"more")
    assert FileSource(str(root), "a.png").read() == b"content"
    assert FileSource(str(root), "deep/b.png").read() == b"more"
    assert FileSource(str(root), "deep/../a.png").read() == b"content"


def test_a_missing_file_is_named(root):
    refused(root, "b.png", Reason.MISSING_FILE, "b.png: no such file")


@pytest.mark.parametrize("name", ["../secret.png", "x/../../secret.png", "..", "../set-2/a.png"])
def test_dots_that_lead_out_are_refused(root, name):
    (root.parent / "set-2").mkdir()
    (root.parent / "set-2" / "a.png").write_bytes(SECRET)
    refused(root, name, Reason.OUTSIDE_ROOT, "leads out of the dataset's root")


def test_an_absolute_path_is_refused(root):
    refused(root, str(root.parent / "secret.png"), Reason.OUTSIDE_ROOT, "leads out of the dataset's root")


def test_links_are_followed_inside_the_root_only(root):
    (root / "inside.png").symlink_to("a.png")
    (root / "outside.png").symlink_to(root.parent / "secret.png")
    (root / "folder").symlink_to(root.parent)
    assert FileSource(str(root), "inside.png").read() == b"content"
    refused(root, "outside.png", Reason.OUTSIDE_ROOT, "leads out of the dataset's root")
    refused(root, "folder/secret.png", Reason.OUTSIDE_ROOT, "leads out of the dataset's root")


def test_a_loop_of_links_is_refused(root):
    (root / "loop.png").symlink_to("loop.png")
    refused(root, "loop.png", Reason.UNREADABLE, "loop.png: ")


def test_a_dangling_link_is_a_missing_file(root):
    (root / "gone.png").symlink_to("nothing.png")
    refused(root, "gone.png", Reason.MISSING_FILE, "no such file")


@pytest.mark.parametrize("name", ["a\0.png", "\0", "a\ud800.png"])
def test_what_cannot_be_a_file_name_is_refused(root, name):
    refused(root, name, Reason.MISSING_FILE, "not a file name")
    assert FileSource(str(root), name).signature() == ""


def test_a_name_that_is_too_long_is_refused(root):
    refused(root, "n" * 5000, Reason.UNREADABLE, "too long")


def test_a_named_pipe_does_not_hang(root):
    os.mkfifo(root / "pipe.png")
    outcome = []

    def read():
        try:
            FileSource(str(root), "pipe.png").read()
        except SampleError as error:
            outcome.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=60)
    assert not reader.is_alive()
    assert outcome[0].reason is Reason.UNREADABLE
    assert "not a regular file" in outcome[0].message


@pytest.mark.parametrize("name", ["folder", "", "."])
def test_a_folder_in_place_of_a_file_is_refused_and_leaks_nothing(root, name):
    (root / "folder").mkdir()
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        refused(root, name, Reason.UNREADABLE, "not a regular file")
    assert len(os.listdir("/dev/fd")) == before


def test_a_file_above_the_limit_is_not_read(root, monkeypatch):
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 6)
    refused(root, "a.png", Reason.TOO_LARGE, "7 bytes, limit 6")


def test_the_signature_changes_with_the_content(root):
    source = FileSource(str(root), "a.png")
    before = source.signature()
    assert before == source.signature()
    (root / "a.png").write_bytes(b"other content")
    assert source.signature() != before
    (root / "a.png").unlink()
    assert source.signature() == ""


def test_bytes_in_memory_are_a_source():
    assert BytesSource("x", b"abc").read() == b"abc"
    assert BytesSource("x", b"abc").signature() != BytesSource("x", b"abcd").signature()


def test_a_broken_source_says_why_when_it_is_read():
    source = BrokenSource("7", Reason.DOUBLE_MATCH, "7: 2 matches in masks")
    assert source.signature() == ""
    with pytest.raises(SampleError, match="7: 2 matches in masks") as caught:
        source.read()
    assert caught.value.reason is Reason.DOUBLE_MATCH
