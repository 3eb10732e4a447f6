"""Files of the first schema and of the first exchange format: read as they are, brought up to date when written to."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import stat

import pyarrow.parquet as pq
import pytest

from imlbench.errors import UserError
from imlbench.results.database import SCHEMA_VERSION
from imlbench.results.exchange import export_results, import_results
from imlbench.results.merging import merge_results
from imlbench.results.reading import ResultReader
from imlbench.results.store import ResultStore
from tests.making_sets import annotate_eval, make_set, stored


def version(out) -> int:
    connection = sqlite3.connect(out / "results.db")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return found


def columns(out) -> list[str]:
    connection = sqlite3.connect(out / "results.db")
    names = [row[1] for row in connection.execute("PRAGMA table_info(counts)")]
    connection.close()
    return names


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("set"), 3)


@pytest.fixture
def old(tmp_path, root):
    """A results folder of three samples as imlbench made it before image scores."""
    out = tmp_path / "old"
    assert annotate_eval(root, out).code == 0
    connection = sqlite3.connect(out / "results.db")
    connection.execute("ALTER TABLE counts DROP COLUMN image_score")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return out


class TestReading:
    def test_changes_nothing_and_finds_everything(self, old):
        before = (old / "results.db").read_bytes()
        with ResultReader(old) as reader:
            (run,) = reader.runs()
            assert run.total("ok") == 3
            assert len(reader.frame()) == 3
            assert reader.summarise(run.run_id, ["f1"])["f1"].n == 3
            assert reader.image_scores(run.run_id).size == 0
            assert reader.query("SELECT DISTINCT image_score FROM counts") == [(None,)]
            with pytest.raises(UserError):
                reader.query("DELETE FROM counts")
        assert (old / "results.db").read_bytes() == before
        assert version(old) == 1

    def test_works_in_a_folder_that_cannot_be_written(self, old):
        os.chmod(old / "results.db", stat.S_IRUSR)
        os.chmod(old, stat.S_IRUSR | stat.S_IXUSR)
        try:
            with ResultReader(old) as reader:
                assert len(reader.frame()) == 3
        finally:
            os.chmod(old, stat.S_IRWXU)

    def test_exports_the_rows_with_empty_image_scores(self, old, tmp_path):
        assert export_results(old, tmp_path / "old.json") == 3
        rows = json.loads((tmp_path / "old.json").read_text())
        assert {row["image_score"] for row in rows} == {None}


class TestWriting:
    def test_adds_the_column_and_keeps_every_result(self, old, root):
        before = stored(old)
        done = annotate_eval(root, old, "--json")
        assert json.loads(done.out)["runs"][0]["computed"] == 0
        assert version(old) == SCHEMA_VERSION
        assert stored(old) == before
        assert columns(old)[-1] == "image_score"

    def test_is_possible_while_an_older_program_has_the_file_open(self, old):
        older = sqlite3.connect(old / "results.db")
        names = ", ".join(columns(old))
        rows = older.execute(f"SELECT {names} FROM counts").fetchall()
        ResultStore(old).close()
        marks = ", ".join("?" * len(rows[0]))
        older.execute(f"INSERT OR REPLACE INTO counts ({names}) VALUES ({marks})", rows[0])
        older.commit()
        older.close()
        with ResultReader(old) as reader:
            assert reader.query("SELECT count(*), count(image_score) FROM counts") == [(3, 0)]

    def test_a_second_opening_changes_nothing(self, old):
        ResultStore(old).close()
        before = columns(old)
        ResultStore(old).close()
        assert columns(old) == before
        assert before.count("image_score") == 1

    def test_what_fails_on_the_way_leaves_the_old_file(self, old, monkeypatch):
        statements = ("ALTER TABLE counts ADD COLUMN image_score REAL", "ALTER TABLE nowhere ADD COLUMN x REAL")
        monkeypatch.setattr("imlbench.results.database.UPGRADES", {1: statements})
        with pytest.raises(UserError, match="not a usable results file"):
            ResultStore(old)
        assert version(old) == 1
        assert "image_score" not in columns(old)

    def test_a_merge_takes_old_and_new_files_together(self, old, root, tmp_path):
        new = tmp_path / "new"
        assert annotate_eval(root, new, annotator="pixdiff-20").code == 0
        merge_results([old, new], tmp_path / "both")
        assert version(old) == 1
        with ResultReader(tmp_path / "both") as reader:
            assert [run.total("ok") for run in reader.runs()] == [3, 3]


def first_format(path, form):
    """Make an exported file one of the first format."""
    if form == "json":
        rows = json.loads(path.read_text())
        for row in rows:
            del row["image_score"]
            row["format_version"] = 1
        path.write_text(json.dumps(rows))
    elif form == "csv":
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name != "image_score"]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({**row, "format_version": "1"} for row in rows)
    else:
        table = pq.read_table(path).drop_columns(["image_score"])
        place = table.column_names.index("format_version")
        ones = [1] * len(table)
        pq.write_table(table.set_column(place, table.schema.field(place), [ones]), path)


class TestExchangeOfTheFirstFormat:
    @pytest.mark.parametrize("form", ["parquet", "csv", "json"])
    def test_is_imported_whole(self, old, tmp_path, form):
        path = tmp_path / f"rows.{form}"
        export_results(old, path)
        first_format(path, form)
        import_results([path], tmp_path / "again")
        assert stored(tmp_path / "again") == stored(old)
        assert version(tmp_path / "again") == SCHEMA_VERSION

    def test_with_a_column_of_the_second_is_refused(self, old, tmp_path):
        path = tmp_path / "rows.json"
        export_results(old, path)
        rows = json.loads(path.read_text())
        path.write_text(json.dumps([{**row, "format_version": 1} for row in rows]))
        with pytest.raises(UserError, match="unknown columns: image_score"):
            import_results([path], tmp_path / "again")

    def test_the_second_without_its_column_is_refused(self, old, tmp_path):
        path = tmp_path / "rows.json"
        export_results(old, path)
        rows = json.loads(path.read_text())
        for row in rows:
            del row["image_score"]
        path.write_text(json.dumps(rows))
        with pytest.raises(UserError, match="missing columns: image_score"):
            import_results([path], tmp_path / "again")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_score": 0.5}, "image_score: expected none of an annotator, found 0.5"),
        ({"image_score": 1.5}, "image_score: expected 0 to 1, found 1.5"),
        ({"image_score": "high"}, "image_score: expected real, found 'high'"),
    ],
)
def test_image_scores_that_cannot_be_are_refused(old, tmp_path, changes, message):
    path = tmp_path / "rows.json"
    export_results(old, path)
    rows = json.loads(path.read_text())
    path.write_text(json.dumps([{**rows[0], **changes}, *rows[1:]]))
    with pytest.raises(UserError) as caught:
        import_results([path], tmp_path / "again")
    assert message in str(caught.value)
