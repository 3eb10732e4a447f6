import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading

import pytest

from imlbench import locks
from imlbench.errors import UserError
from imlbench.locks import is_locked, locked

HOLDER = """
import sys, time
from pathlib import Path
from imlbench.locks import locked
with locked(*map(Path, sys.argv[1:]), str):
    print("held", flush=True)
    time.sleep(600)
"""


def refused(holder):
    return f"{holder} is at it"


def test_the_second_is_told_who_holds_it(tmp_path):
    path = tmp_path / "lock"
    with locked(path, tmp_path, refused):
        assert is_locked(path)
        with pytest.raises(UserError) as caught, locked(path, tmp_path, refused):
            raise AssertionError("two hold one lock")
        assert str(caught.value) == f"{tmp_path}: process {os.getpid()} on {os.uname().nodename} is at it"
    assert not is_locked(path)
    assert path.read_bytes() == b""
    with locked(path, tmp_path, refused):
        assert is_locked(path)


def test_what_the_block_raises_ends_the_lock_and_passes_through(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "lock", tmp_path, refused):
        raise KeyError
    assert not is_locked(tmp_path / "lock")


def test_a_killed_holder_holds_nothing(tmp_path):
    path = tmp_path / "lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path, tmp_path], stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline() == b"held\n"
        assert is_locked(path)
        with pytest.raises(UserError, match=f"process {process.pid} on"), locked(path, tmp_path, refused):
            raise AssertionError("two hold one lock")
        process.send_signal(signal.SIGKILL)
    with locked(path, tmp_path, refused):
        assert path.read_text().startswith(f"process {os.getpid()} on")


def test_who_only_asks_keeps_nobody_out(tmp_path):
    """A look takes a shared lock for a moment; the one who locks waits it out."""
    path = tmp_path / "lock"
    path.touch()
    with path.open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        ended = threading.Timer(locks.TRY_SECONDS, fcntl.flock, (asking, fcntl.LOCK_UN))
        ended.start()
        with locked(path, tmp_path, refused):
            assert is_locked(path)
        ended.join()


def test_a_holder_of_no_name_is_unknown_and_a_hostile_one_a_line(tmp_path):
    for noted, told in (("", "unknown"), ("process\n\x1b[31m7\0", "process")):
        path = tmp_path / "lock"
        path.write_text(noted)
        with path.open() as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(UserError, match=told) as caught, locked(path, tmp_path, refused):
                raise AssertionError("two hold one lock")
        assert str(caught.value).isprintable()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    for path in (tmp_path / "none" / "lock", tmp_path):
        with pytest.raises(UserError, match="place: cannot be written"), locked(path, tmp_path / "place", refused):
            raise AssertionError("locked what is not there")
        assert not is_locked(tmp_path / "none" / "lock")


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    path = tmp_path / "lock"
    with pytest.raises(UserError, match=r"cannot be locked \(No locks"), locked(path, tmp_path, refused):
        raise AssertionError("locked without locks")
    assert not is_locked(path)


def test_a_system_without_locks_goes_on_without(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with locked(tmp_path / "lock", tmp_path, refused):
        assert not is_locked(tmp_path / "lock")
