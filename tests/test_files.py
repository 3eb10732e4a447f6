"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from imlbench.errors import UserError
from imlbench.files import write_atomically


def test_bytes_and_text_with_their_folders(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "one", b"\x00\xff")
    write_atomically(str(tmp_path / "two"), "für\n")
    assert (tmp_path / "a" / "b" / "one").read_bytes() == b"\x00\xff"
    assert (tmp_path / "two").read_bytes() == "für\n".encode()


def test_an_existing_file_is_replaced_and_nothing_else_is_left(tmp_path):
    (tmp_path / "one").write_text("older and longer")
    write_atomically(tmp_path / "one", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert (tmp_path / "one").read_text() == "new"


def test_a_crash_leaves_the_older_file_and_no_other(tmp_path, monkeypatch):
    (tmp_path / "one").write_text("older")

    def crash(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "one", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"one": "older"}


def test_a_full_disk_is_one_line_and_leaves_the_older_file(tmp_path, monkeypatch):
    (tmp_path / "one").write_text("older")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"one: cannot be written \(No space left on device\)"):
        write_atomically(tmp_path / "one", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"one": "older"}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file" / "one", tmp_path / "file" / "deep" / "one", "/proc/nothing/one"):
        with pytest.raises(UserError, match="cannot be written") as caught:
            write_atomically(target, b"")
        assert "\n" not in str(caught.value)


def test_long_names_are_possible(tmp_path):
    write_atomically(tmp_path / ("x" * 255), b"1")
    assert len(next(tmp_path.iterdir()).name) == 255


def test_the_mode_is_that_of_any_new_file_and_the_mask_stays_with_many_threads(tmp_path):
    before = os.umask(0o027)
    try:
        threads = [
            threading.Thread(target=write_atomically, args=(tmp_path / str(number), b"x")) for number in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}
    finally:
        mask = os.umask(before)
    assert mask == 0o027
