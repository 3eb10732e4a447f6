"""`imlbench results`: show, export, import, merge."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.making_sets import imlbench
from tests.reports.making_results import unscored
from tests.results.hostile_results import CLEAN, JPEG, add, change, content, half, hostile_results, one


@pytest.fixture
def results(tmp_path):
    return hostile_results(tmp_path / "results")


class TestShow:
    def test_lists_the_runs(self, results):
        done = imlbench("results", "show", "--results", results)
        assert (done.code, done.err) == (0, "")
        header, first, second = done.out.splitlines()
        assert header.split() == [
            "dataset",
            "run",
            "run",
            "id",
            "scored",
            "skipped",
            "failed",
            "last",
            "written",
            "newest",
        ]
        assert first.split()[:4] == ["cocoglide", "pixdiff-10", CLEAN.run_id, "20"]
        assert second.split()[:6] == ["cocoglide", "pixdiff-20@jpeg:70", JPEG.run_id, "3", "1", "1"]

    def test_as_json_and_which_is_the_newest(self, tmp_path):
        older = replace(CLEAN, identity="{}")
        add(tmp_path, older, [one(older, "a", half(1))])
        add(
            tmp_path,
            CLEAN,
            [one(CLEAN, "a", half(1)), unscored(CLEAN, "b", "failed", "x")],
            "2026-01-02T00:00:00+00:00",
        )
        add(tmp_path, JPEG, [])
        found = json.loads(imlbench("results", "show", "--results", tmp_path, "--json").out)
        assert [(row["run_id"], row["newest"]) for row in found] == [
            (older.run_id, False),
            (CLEAN.run_id, True),
            (JPEG.run_id, True),
        ]
        assert found[1]["failed"] == 1
        assert [row["last_written"] for row in found][1:] == ["2026-01-02T00:00:00+00:00", "never"]

    def test_no_results(self, tmp_path):
        assert "no results file" in imlbench("results", "show", "--results", tmp_path).complaint()


class TestExportAndImport:
    @pytest.mark.parametrize("name", ["all.parquet", "all.csv", "all.json"])
    def test_there_and_back(self, results, tmp_path, name):
        done = imlbench("results", "export", "--results", results, "-o", tmp_path / name)
        assert (done.code, done.out, done.err) == (0, f"{tmp_path / name}: 25 rows\n", "")
        done = imlbench("results", "import", tmp_path / name, "--results", tmp_path / "new")
        assert done.out == f"{tmp_path / 'new'}: 2 runs; 25 results added, 0 were there already\n"
        assert content(tmp_path / "new") == content(results)

    def test_with_filters_and_another_format(self, results, tmp_path):
        chosen = ("--run", JPEG.run_id[:8], "--annotator", "pixdiff-*", "--dataset", "cocoglide", "--format", "csv")
        assert imlbench("results", "export", "--results", results, "-o", tmp_path / "some.txt", *chosen).code == 0
        message = imlbench("results", "import", tmp_path / "some.txt", "--results", tmp_path / "new").complaint()
        assert "some.txt: expected a name ending in .parquet, .csv, .json, or --format" in message
        arguments = ("--results", tmp_path / "new", "--format", "csv", "--json")
        done = imlbench("results", "import", tmp_path / "some.txt", *arguments)
        assert json.loads(done.out) == {
            "results": str(tmp_path / "new"),
            **{"runs": 1, "added": 5, "known": 0, "replaced": 0, "kept": 0, "rejected": 0},
        }

    def test_invalid_rows(self, results, tmp_path):
        imlbench("results", "export", "--results", results, "-o", tmp_path / "all.json")
        rows = json.loads((tmp_path / "all.json").read_text())
        rows[0]["tp"] = -1
        (tmp_path / "all.json").write_text(json.dumps(rows))
        arguments = ("results", "import", tmp_path / "all.json", "--results", tmp_path / "new")
        assert "1 row is invalid: " in imlbench(*arguments).complaint()
        assert not (tmp_path / "new").exists()
        done = imlbench(*arguments, "--skip-invalid")
        assert (done.code, done.err.count("\n")) == (1, 1)
        assert "24 results added" in done.out
        assert "imlbench: rejected rows: 1 (" in done.err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("export",), "Missing option '--output'"),
            (("export", "-o", "x.xlsx"), "expected a name ending in .parquet, .csv, .json"),
            (("export", "-o", "x.csv", "--run", "zz"), "no run 'zz*'; the results hold"),
            (("import",), "Missing argument 'FILE...'"),
            (("import", "nowhere.csv"), "nowhere.csv: no such file"),
            (("import", "x.csv", "--keep", "oldest"), "Invalid value for '--keep'"),
        ],
    )
    def test_wrong_usage(self, results, arguments, message):
        assert message in imlbench("results", *arguments, "--results", results).complaint()


class TestMerge:
    def test_two_folders(self, results, tmp_path):
        other = add(tmp_path / "other", CLEAN, [one(CLEAN, "new", half(1))])
        done = imlbench("results", "merge", results, other, "--out", tmp_path / "both")
        assert (done.code, done.err) == (0, "")
        assert done.out == f"{tmp_path / 'both'}: 2 runs; 26 results added, 0 were there already\n"

    def test_a_conflict_and_the_way_out(self, tmp_path):
        a = add(tmp_path / "a", CLEAN, [one(CLEAN, "x\n=1", half(1))])
        b = add(tmp_path / "b", CLEAN, [one(CLEAN, "x\n=1", half(2))], "2026-01-02T00:00:00+00:00")
        message = imlbench("results", "merge", a, b, "--out", tmp_path / "both").complaint()
        assert "1 sample (x =1): compute one of them anew; or keep the newest with --keep newest" in message
        done = imlbench("results", "merge", a, b, "--out", tmp_path / "both", "--keep", "newest")
        assert "1 results added, 0 were there already, 1 took the place of others" in done.out

    def test_damaged_and_missing_inputs(self, results, tmp_path):
        change(results, "UPDATE counts SET histogram = X'00' WHERE histogram IS NOT NULL")
        message = imlbench("results", "merge", results, "--out", tmp_path / "both").complaint()
        assert "histogram: expected exactly 2048 packed bytes: compute it anew" in message
        assert "Missing option '--out'" in imlbench("results", "merge", results).complaint()
        assert not (tmp_path / "both").exists()
