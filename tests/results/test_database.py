"""Opening a results file: schema, versions, strangers, folders that cannot be written."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from imlbench.errors import UserError
from imlbench.results.database import APPLICATION_ID, SCHEMA, SCHEMA_VERSION, check_version, connect, database_path
from imlbench.results.frames import BOUNDARY_COLUMNS
from imlbench.results.reading import ResultReader
from imlbench.results.store import ResultStore
from tests.making_sets import annotate_eval, make_set

NOBODY = 65534


@pytest.fixture
def results(tmp_path):
    """A results folder with one run of three samples."""
    out = tmp_path / "results"
    assert annotate_eval(make_set(tmp_path / "set", 3), out).code == 0
    return out


def refusal(call, *arguments) -> str:
    """The one line with which a call is refused."""
    with pytest.raises(UserError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


class TestSchema:
    def test_every_column_says_its_type_and_the_less_evident_ones_their_meaning(self, results):
        evident = {"kind", "dataset", "sample_id", "run_id", "sample_key", "invocation_id", "created", "started"}
        evident |= {"height", "instruction", "tp", "fp", "fn", "tn", "metric", "empty", "average", "invert", "n"}
        evident |= {"mean", "stderr", "low", "high", "resamples", "seed", *BOUNDARY_COLUMNS}
        explained = set(re.findall(r"^    ([a-z_]+) [A-Z].*--", SCHEMA, re.MULTILINE))
        with ResultReader(results) as reader:
            for table in ("runs", "invocations", "samples", "counts", "summaries"):
                for _, name, kind, *_ in reader.query(f"PRAGMA table_info({table})"):
                    assert kind in ("TEXT", "INTEGER", "REAL", "BLOB")
                    assert name in explained | evident

    def test_a_new_file_carries_our_mark_and_the_version(self, tmp_path):
        ResultStore(tmp_path / "new").close()
        connection = sqlite3.connect(tmp_path / "new" / "results.db")
        marks = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        connection.close()
        assert (marks, mode) == ([APPLICATION_ID, SCHEMA_VERSION], "wal")
        assert tables == {"runs", "invocations", "samples", "counts", "summaries"}

    def test_a_folder_or_the_file_itself_may_be_named(self, tmp_path):
        assert database_path(tmp_path) == tmp_path / "results.db"
        assert database_path(str(tmp_path / "mine.db")) == tmp_path / "mine.db"
        ResultStore(tmp_path / "mine.db").close()
        with ResultReader(tmp_path / "mine.db") as reader:
            assert reader.runs() == []


class TestStrangers:
    def test_a_newer_schema(self, results):
        connection = sqlite3.connect(results / "results.db")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.close()
        expected = f"written with results schema {SCHEMA_VERSION + 1}, this imlbench reads up to {SCHEMA_VERSION}"
        for opened in (ResultStore, ResultReader):
            assert refusal(opened, results) == f"{results / 'results.db'}: {expected}: upgrade imlbench"

    def test_another_programs_file_is_refused_and_stays_as_it_is(self, tmp_path):
        path = tmp_path / "results.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.commit()
        connection.close()
        before = path.read_bytes()
        for opened in (ResultStore, ResultReader):
            assert "a SQLite file of another program, not a results file" in refusal(opened, tmp_path)
        assert path.read_bytes() == before
        assert [child.name for child in tmp_path.iterdir()] == ["results.db"]

    @pytest.mark.parametrize("content", [b"these are my results\n" * 100, b"\0" * 5000, os.urandom(5000)])
    def test_a_file_of_something_else(self, tmp_path, content):
        (tmp_path / "results.db").write_bytes(content)
        for opened in (ResultStore, ResultReader):
            message = refusal(opened, tmp_path)
            assert "not a usable results file (file is not a database): move it away" in message
        assert (tmp_path / "results.db").read_bytes() == content

    @pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
    def test_a_truncated_file(self, results, share):
        path = results / "results.db"
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share) // 4096 * 4096 + 100])

        def read():
            with ResultReader(results) as reader:
                for one in reader.runs():
                    reader.failures(one.run_id)
                reader.frame()
                assert not list(reader.query("PRAGMA integrity_check"))

        assert "not a usable results file" in refusal(read)

    def test_an_empty_file_is_taken_as_new_and_read_as_unusable(self, tmp_path):
        (tmp_path / "results.db").touch()

        def read():
            with ResultReader(tmp_path) as reader:
                reader.runs()

        assert "not a usable results file (no such table" in refusal(read)
        ResultStore(tmp_path).close()
        read()

    def test_no_file_says_how_to_make_one(self, tmp_path):
        message = refusal(ResultReader, tmp_path / "nowhere")
        assert message.endswith("results.db: no results file: `imlbench annotate-eval ... --out DIR` makes one")
        assert not (tmp_path / "nowhere").exists()

    def test_a_folder_in_place_of_the_file(self, tmp_path):
        (tmp_path / "results.db").mkdir()
        assert "choose a writable folder with --out" in refusal(ResultStore, tmp_path)
        assert "no results file" in refusal(ResultReader, tmp_path)


@contextmanager
def without_privileges():
    """As a user whom file modes bind, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    # What is imported late may lie where only root can read.
    importlib.import_module("pandas")
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


class TestUnwritable:
    @pytest.mark.parametrize("out", ["file", "file/below", "/proc/nothing", "/sys/nothing/deep"])
    def test_no_folder_can_be_made(self, tmp_path, out):
        (tmp_path / "file").write_text("")
        message = refusal(ResultStore, tmp_path / out)
        assert "cannot be created (" in message
        assert message.endswith("): choose a writable folder with --out")

    def test_a_read_only_folder_cannot_get_a_file(self, open_folder):
        open_folder.chmod(0o555)
        with without_privileges():
            message = refusal(ResultStore, open_folder)
        expected = "cannot be opened for writing (unable to open database file): choose a writable folder with --out"
        assert message == f"{open_folder / 'results.db'}: {expected}"

    def test_a_read_only_file_is_refused_for_writing_and_read(self, results, open_folder):
        shutil.copy(results / "results.db", open_folder)
        (open_folder / "results.db").chmod(0o444)
        open_folder.chmod(0o555)
        with without_privileges():
            message = refusal(ResultStore, open_folder)
            with ResultReader(open_folder) as reader:
                assert len(reader.frame()) == 3
                assert reader.stored_summaries(reader.runs()[0].run_id)["f1"].n == 3
        assert "readonly database): choose a writable folder with --out" in message
        assert [path.name for path in open_folder.iterdir()] == ["results.db"]

    def test_a_read_only_copy_made_while_another_process_wrote(self, results, open_folder):
        writer = connect(results / "results.db")
        writer.execute("INSERT INTO invocations (started, provenance) VALUES ('now', '{}')")
        for path in results.iterdir():
            shutil.copy(path, open_folder)
        writer.close()
        assert (open_folder / "results.db-wal").exists()
        for path in open_folder.iterdir():
            path.chmod(0o444)
        open_folder.chmod(0o555)
        with without_privileges(), ResultReader(open_folder) as reader:
            assert len(reader.frame()) == 3
            assert reader.query("SELECT count(*) FROM invocations") == [(2,)]

    def test_a_copy_whose_shared_memory_file_is_missing_says_what_to_do(self, results, open_folder):
        writer = connect(results / "results.db")
        writer.execute("INSERT INTO invocations (started, provenance) VALUES ('now', '{}')")
        for name in ("results.db", "results.db-wal"):
            shutil.copy(results / name, open_folder)
        writer.close()
        open_folder.chmod(0o555)
        with without_privileges():
            message = refusal(ResultReader, open_folder)
        assert "copy the folder to a place that you can write" in message


class Interleaved:
    """A connection; just after its `after`-th statement another process creates the file's tables."""

    def __init__(self, path: Path, after: int) -> None:
        self.path, self.left = path, after
        self.connection = sqlite3.connect(path)

    def execute(self, statement: str) -> SimpleNamespace:
        # Read to the end, so that no lock is held when the other process comes.
        row = self.connection.execute(statement).fetchone()
        self.left -= 1
        if self.left == 0:
            connect(self.path).close()
        return SimpleNamespace(fetchone=lambda: row)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_file_that_another_process_is_just_creating_is_ours(tmp_path, after):
    path = tmp_path / "results.db"
    assert check_version(Interleaved(path, after), path) in (0, SCHEMA_VERSION)
