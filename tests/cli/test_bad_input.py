"""Wrong usage and unusable input: one clear line on standard error, exit code 2, nothing written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from imlbench.results.database import SCHEMA_VERSION
from tests.making_sets import annotate_eval, finish, imlbench, make_set, start, stored


@pytest.fixture
def root(tmp_path):
    return make_set(tmp_path / "set", 2)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def refused(root, out, *arguments, **options) -> str:
    """The complaint; nothing may have been written."""
    complaint = annotate_eval(root, out, *arguments, **options).complaint()
    assert not out.exists()
    return complaint


def test_a_missing_root(tmp_path, out):
    complaint = refused(tmp_path / "nowhere", out)
    assert f"folder: no such folder: {tmp_path / 'nowhere'}; expected edited/ and mask/" in complaint


def test_a_root_that_is_a_file(tmp_path, out):
    (tmp_path / "file").write_text("")
    assert f"folder: not a folder: {tmp_path / 'file'}; expected edited/ and mask/" in refused(tmp_path / "file", out)


def test_a_root_that_holds_something_else(tmp_path, out):
    (tmp_path / "empty").mkdir()
    assert "folder" in refused(tmp_path / "empty", out)


@pytest.mark.parametrize("name", ["x" * 5000, "a\udcff", "a\nb"])
def test_a_root_with_an_impossible_name(tmp_path, out, name):
    assert len(refused(tmp_path / name, out)) < 3000


@pytest.mark.parametrize(
    ("annotator", "message"),
    [
        ("pixdif-10", "unknown annotator 'pixdif-10': did you mean pixdiff-10"),
        ("Pixdiff-10", "unknown annotator 'Pixdiff-10': did you mean pixdiff-10"),
        ("zzz", "unknown annotator 'zzz': `imlbench list annotators` shows what there is"),
        ("zzz-*", "no annotator matches 'zzz-*': `imlbench list annotators` shows what there is"),
        ("", "unknown annotator ''"),
    ],
)
def test_an_unknown_annotator(root, out, annotator, message):
    assert message in refused(root, out, annotator=annotator)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("cocoglid", "unknown dataset 'cocoglid': did you mean cocoglide"),
        ("", "unknown dataset ''"),
        ("cocoglide:extra", "cocoglide has no variant 'extra'; variants: none"),
        ("autosplice:85", "autosplice has no variant '85'; variants: "),
    ],
)
def test_an_unknown_dataset_or_variant(tmp_path, out, dataset, message):
    done = imlbench(
        "annotate-eval", "--dataset", dataset, "--data-root", tmp_path, "--annotator", "pixdiff-0", "--out", out
    )
    assert message in done.complaint()
    assert not out.exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--limit", "0", "limit must be at least 1, found 0"),
        ("--limit", "-3", "limit must be at least 1, found -3"),
        ("--workers", "0", "workers must be at least 1, found 0"),
        ("--batch-size", "0", "batch-size must be at least 1, found 0"),
        ("--seed", "-1", "seed must be at least 0, found -1"),
        ("--boundary", "-1", "boundary must be at least 0, found -1"),
        ("--limit", "many", "Invalid value for '--limit'"),
        ("--overwrite", "sometimes", "Invalid value for '--overwrite'"),
        ("--fail-on-error", "some", "--fail-on-error: expected a number such as 5 or a fraction"),
        ("--fail-on-error", "-1", "found '-1'"),
        ("--fail-on-error", "1.5", "found '1.5'"),
        ("--fail-on-error", "nan", "found 'nan'"),
        ("--fail-on-error", "inf", "found 'inf'"),
        ("--fail-on-error", "1e-3", "found '1e-3'"),
        ("--sample-id", "O1", "has no sample 'O1'; did you mean 01"),
        ("--no-such-option", "1", "No such option"),
    ],
)
def test_a_bad_value(root, out, option, value, message):
    assert message in refused(root, out, option, value)


def test_a_missing_option_and_an_unknown_command():
    assert "Missing option '--dataset' (see imlbench annotate-eval --help)" in imlbench("annotate-eval").complaint()
    assert "No such command 'annotates'" in imlbench("annotates").complaint()


def test_two_roots_for_one_dataset(root, out):
    message = f"--data-root: two folders, {root} and /other, for one dataset; give one"
    assert message in refused(root, out, "--data-root", "/other")
    pair = ("--data-root", "folder=/a", "--data-root", "folder=/b")
    assert "--data-root: two folders for folder: /a and /b; give one" in refused(root, out, *pair)


def test_two_roots_without_names_for_two_datasets(root, out):
    more = ("--dataset", "cocoglide", "--data-root", "/other")
    assert "name the dataset each is for, as in folder=" in refused(root, out, *more)


CONFIGS = {
    "is no TOML": ("[annotate-eval", "run.toml: not a TOML file: "),
    "lacks the table": ("limit = 3", "run.toml: no table [annotate-eval]"),
    "has an unknown key": (
        "[annotate-eval]\nlimits = 3",
        "run.toml: [annotate-eval] has no option 'limits'; options: annotator, ",
    ),
    "names itself": ("[annotate-eval]\nconfig = 'x'", "has no option 'config'"),
    "has a word for a number": ("[annotate-eval]\nlimit = 'many'", "Invalid value for '--limit'"),
    "has a list for a number": (
        "[annotate-eval]\nlimit = [3]",
        "[annotate-eval] limit: not a value for this option: [3]",
    ),
    "has a fraction for a number": ("[annotate-eval]\nbatch-size = 1.5", "Invalid value for '--batch-size'"),
    "has true for a number": ("[annotate-eval]\nlimit = true", "limit: not a value for this option: True"),
    "has a word for a switch": (
        "[annotate-eval]\njson = 'maybe'",
        "[annotate-eval] json: not a value for this option: 'maybe'",
    ),
    "has a table for a list": ("[annotate-eval.sample-id]\na = 1", "sample-id: not a value for this option: {'a': 1}"),
}


@pytest.mark.parametrize(("text", "message"), CONFIGS.values(), ids=CONFIGS)
def test_a_config_file_that(tmp_path, root, out, text, message):
    path = tmp_path / "run.toml"
    path.write_text(text)
    assert message in refused(root, out, "--config", path)


def test_a_missing_config_file(tmp_path, root, out):
    assert "cannot be read (No such file or directory)" in refused(root, out, "--config", tmp_path / "nowhere.toml")
    assert "cannot be read (Is a directory)" in refused(root, out, "--config", tmp_path)


class TestResultsFolder:
    def complaint(self, root, out) -> str:
        return annotate_eval(root, out).complaint()

    def test_below_a_file(self, tmp_path, root):
        (tmp_path / "file").write_text("")
        expected = (
            f"{tmp_path / 'file' / 'deep'}: cannot be created (Not a directory): choose a writable folder with --out"
        )
        assert expected in self.complaint(root, tmp_path / "file" / "deep")

    @pytest.mark.parametrize("folder", ["/proc/nothing/here", "/sys/nothing/here"])
    def test_where_nothing_can_be_written(self, root, folder):
        assert "choose a writable folder with --out" in self.complaint(root, folder)

    def test_a_newer_schema(self, root, out):
        annotate_eval(root, out)
        connection = sqlite3.connect(out / "results.db")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.close()
        newer = f"written with results schema {SCHEMA_VERSION + 1}, this imlbench reads up to {SCHEMA_VERSION}"
        assert f"{newer}: upgrade imlbench" in self.complaint(root, out)

    def test_another_programs_database(self, root, out):
        out.mkdir()
        connection = sqlite3.connect(out / "results.db")
        connection.execute("CREATE TABLE mine (x)")
        connection.close()
        assert "a SQLite file of another program" in self.complaint(root, out)

    def test_a_text_file(self, root, out):
        out.mkdir()
        (out / "results.db").write_text("my results\n")
        assert "not a usable results file (file is not a database): move it away" in self.complaint(root, out)
        assert (out / "results.db").read_text() == "my results\n"

    def test_a_truncated_file(self, root, out):
        annotate_eval(root, out)
        whole = (out / "results.db").read_bytes()
        (out / "results.db").write_bytes(whole[: len(whole) // 2])
        assert "not a usable results file (" in self.complaint(root, out)


def test_output_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = finish(start("list", stdout=full))
    assert done.complaint() == "imlbench: the output: No space left on device\n"


def test_ctrl_c_before_the_work_starts_is_one_line(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("imlbench.registry.match", interrupt)
    done = imlbench("annotate-eval", "--dataset", "folder", "--annotator", "x", "--data-root", ".")
    assert done == (130, "", "imlbench: interrupted\n")


def test_a_half_character_in_an_instruction_does_not_lose_the_run(root, out):
    (root / "instructions.json").write_text('{"00": "remove \\ud800 it"}')
    assert annotate_eval(root, out).code == 0
    assert len(stored(out)) == 2
