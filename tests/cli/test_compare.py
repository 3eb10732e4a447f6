"""`imlbench compare A B`: names and run ids, what is printed and written, and clear refusals."""

from __future__ import annotations

import csv
import json
import re

import pytest

from tests.making_sets import imlbench
from tests.reports.making_results import make_run, scored, write
from tests.results.hostile_results import half, one

A = make_run("pixdiff-10")
B = make_run("pixdiff-20", "PixDiff-Fixed(20)")
JPEG = make_run("pixdiff-10", perturbation="jpeg", severity=70.0)
EVIL = '=cmd|"/C calc"!A0\n<script>`x`| \x1b[31m'


@pytest.fixture
def results(tmp_path):
    """Two annotators and a perturbed run on CoCoGlide, B worse on one sample of three."""
    before = [one(A, name, half(20), instruction=EVIL) for name in ("=x|y", "b", "c")]
    after = [one(B, "=x|y", half(10), instruction=EVIL), one(B, "b", half(20)), one(B, "c", half(20))]
    jpeg = [one(JPEG, "b", half(1))]
    return write(tmp_path / "results", (A, before), (B, after), (JPEG, jpeg))


def compare(results, *arguments, a="pixdiff-10", b="pixdiff-20"):
    return imlbench("compare", a, b, "--results", results, *arguments)


def as_json(results, *arguments, **names):
    done = compare(results, "--json", *arguments, **names)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)["comparisons"]


class TestOutput:
    def test_for_the_eye(self, results):
        done = compare(results)
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[0] == "CoCoGlide (cocoglide)"
        assert lines[1] == f"A: pixdiff-10 [{A.run_id[:12]}]"
        assert lines[3] == "3 samples scored in both; only in A 0, only in B 0"
        names = ["metric (%)", "0 inside", "A", "B", "B - A", "95 %", "stderr", "n", "B better", "equal", "A better"]
        assert lines[5].split() == " ".join(names).split()
        assert lines[6].split()[:5] == ["F1", "yes", "66.67", "57.78", "-8.89"]
        assert lines[6].split()[-4:] == ["3", "0", "2", "1"]
        assert lines[10].split()[-3:] == ["66.67", "40.00", "-26.67"]
        assert "seed 0" in lines[-2]
        assert lines[-1] == "Conventions: empty=one, average=image, invert=never. Local edits only."
        assert "\x1b" not in done.out

    def test_json_has_fractions(self, results):
        (found,) = as_json(results)
        assert found["metrics"]["iou"]["difference"]["mean"] == pytest.approx(-0.25 / 3)
        assert found["metrics"]["f1"]["zero_inside"] is True
        assert (found["metrics"]["f1"]["losses"], found["n"]) == (1, 3)
        assert found["changed"][0] == {
            "sample_id": "=x|y",
            "a": pytest.approx(2 / 3),
            "b": pytest.approx(0.4),
            "instruction": EVIL,
        }

    def test_a_clear_difference_has_no_zero_inside(self, tmp_path):
        write(tmp_path, (A, scored(A, [half(10)] * 5)), (B, scored(B, [half(20)] * 5)))
        (found,) = as_json(tmp_path, "--metric", "iou")
        assert found["metrics"]["iou"]["zero_inside"] is False
        assert set(found["metrics"]) == {"iou"}

    def test_a_metric_without_values(self, results):
        (found,) = as_json(results, "--metric", "boundary_f1", "--metric", "f1")
        assert found["metrics"]["boundary_f1"]["difference"]["mean"] is None
        assert found["metrics"]["boundary_f1"]["zero_inside"] is None
        assert "Boundary F1" in compare(results, "--metric", "boundary_f1").out

    def test_markdown_escapes(self, results, tmp_path):
        path = tmp_path / "deep" / "comparison.md"
        done = compare(results, "-o", path)
        assert done.out == f"written: {path}\n"
        text = path.read_text()
        assert r"| =x\|y | =cmd\|" in text
        assert "<script>" not in text
        assert "&lt;script&gt;\\`x\\`\\|" in text
        assert "| F1 | yes | 66.67 | 57.78 | -8.89 |" in text

    def test_csv_escapes_and_has_a_row_per_metric_and_sample(self, results, tmp_path):
        compare(results, "-o", tmp_path / "comparison.csv")
        with (tmp_path / "comparison.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [(row["row"], row["metric"]) for row in rows] == [("metric", "f1"), ("metric", "iou"), ("sample", "f1")]
        assert (rows[2]["sample_id"], rows[2]["instruction"]) == ("'=x|y", f"'{EVIL}")
        assert (rows[0]["zero_inside"], rows[0]["losses"], rows[0]["run_a"]) == ("1", "1", A.run_id)
        assert float(rows[1]["difference"]) == pytest.approx(-25 / 3)
        assert rows[2]["n"] == ""

    def test_a_json_file_says_what_json_prints(self, results, tmp_path):
        compare(results, "-o", tmp_path / "comparison.json")
        assert json.loads((tmp_path / "comparison.json").read_text())["comparisons"] == as_json(results)

    def test_changed_and_seed_and_conventions(self, results):
        assert as_json(results, "--changed", "0")[0]["changed"] == []
        assert as_json(results, "--seed", "3")[0]["metrics"]["f1"]["difference"]["n"] == 3
        assert "empty=skip, average=image, invert=best" in compare(results, "--empty", "skip", "--invert", "best").out


class TestNames:
    @pytest.mark.parametrize("text", [A.run_id, A.run_id[:6], A.run_id[:9].upper()])
    def test_run_ids(self, results, text):
        assert as_json(results, a=text)[0]["a"]["run_id"] == A.run_id

    @pytest.mark.parametrize(
        "text", ["pixdiff-10@jpeg:70", "pixdiff-10@jpeg", "pixdiff-10@jpeg:70.0:edited", JPEG.run_id]
    )
    def test_conditions(self, results, text):
        (found,) = as_json(results, b=text)
        assert (found["a"]["run_id"], found["b"]["run_id"]) == (A.run_id, JPEG.run_id)
        assert (found["n"], found["only_a"]) == (1, 2)

    def test_clean_may_be_said(self, results):
        assert as_json(results, a="pixdiff-10@clean")[0]["a"]["run_id"] == A.run_id

    def test_two_results_folders(self, results, tmp_path):
        other = write(tmp_path / "other", (A, [one(A, "b", half(40))]))
        (found,) = as_json(results, "--results-b", other, b="pixdiff-10")
        assert found["a"]["run_id"] == found["b"]["run_id"]
        assert found["metrics"]["iou"]["difference"]["mean"] == 0.5

    def test_a_block_for_each_dataset_that_both_were_run_on(self, tmp_path):
        both = ("pixdiff-10", "pixdiff-20")
        runs = [make_run(name, dataset=dataset) for dataset in ("cocoglide", "autosplice") for name in both]
        alone = make_run("pixdiff-10", dataset="magicbrush")
        write(tmp_path, *((run, scored(run, [half(10)])) for run in (*runs, alone)))
        assert [found["dataset"] for found in as_json(tmp_path)] == ["autosplice", "cocoglide"]
        assert compare(tmp_path).out.endswith("magicbrush: only A was run.\n")
        assert [found["dataset"] for found in as_json(tmp_path, "--dataset", "cocoglide")] == ["cocoglide"]
        # A run id names its dataset too.
        assert [found["dataset"] for found in as_json(tmp_path, a=runs[2].run_id)] == ["autosplice"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ({"a": "ssim"}, "no run of 'ssim'; the results hold pixdiff-10, pixdiff-10@jpeg:70, pixdiff-20"),
            ({"a": "pixdiff-20@jpeg:70"}, "no run of 'pixdiff-20@jpeg:70' under that condition; there is pixdiff-20"),
            ({"a": "pixdiff-10@jpeg:50"}, "under that condition; there is pixdiff-10, pixdiff-10@jpeg:70"),
            ({"a": "pixdiff-10@"}, "expected an annotator, a run id, or one with a condition such as"),
            ({"a": "pixdiff-10@jpeg:high"}, "'pixdiff-10@jpeg:high': expected an annotator"),
            ({"a": "pixdiff-10@jpeg:1:both:x"}, "expected an annotator"),
            ({"a": "@jpeg:70"}, "expected an annotator"),
            ({"a": ""}, "expected an annotator"),
            ({"a": "x\ny" * 500}, "no run of 'x yx y"),
            ({"a": "0123456789abcdef"}, "no run of '0123456789abcdef'; the results hold"),
            ({"a": A.run_id[:5]}, f"no run of '{A.run_id[:5]}'"),
            ({"a": f"{A.run_id}@jpeg:70"}, "under that condition; there is pixdiff-10"),
            ({"b": "pixdiff-10"}, "pixdiff-10 and pixdiff-10 are the same run: there is nothing to compare"),
            ({"b": A.run_id[:8]}, "are the same run"),
        ],
    )
    def test_names(self, results, names, message):
        assert message in compare(results, **names).complaint()

    def test_two_runs_of_one_name(self, results):
        again = make_run("pixdiff-10", version="2")
        write(results, (again, scored(again, [half(1)])))
        message = compare(results).complaint()
        assert "'pixdiff-10' may be 2 runs on cocoglide: give one of pixdiff-10 [" in message
        assert again.run_id[:12] in message
        assert A.run_id[:12] in message

    def test_several_severities_and_targets(self, tmp_path):
        both = make_run("pixdiff-10", perturbation="jpeg", severity=70.0, target="both", version="both")
        write(tmp_path, *((run, scored(run, [half(1)])) for run in (JPEG, both, B)))
        message = compare(tmp_path, a="pixdiff-10@jpeg:70").complaint()
        assert "'pixdiff-10@jpeg:70' may be 2 runs on cocoglide: give one of" in message
        assert as_json(tmp_path, a="pixdiff-10@jpeg:70:both")[0]["a"]["run_id"] == both.run_id

    def test_datasets(self, results):
        message = compare(results, "--dataset", "deal300k").complaint()
        assert "no run on dataset 'deal300k'; the results hold cocoglide" in message
        other = make_run("ssim", dataset="autosplice")
        write(results, (other, scored(other, [half(1)])))
        message = compare(results, b="ssim").complaint()
        assert "expected two runs on one dataset: pixdiff-10 is on cocoglide, ssim on autosplice" in message

    def test_a_run_id_that_begins_several(self, tmp_path, monkeypatch):
        runs = {}
        for number in range(5000):
            run = make_run("pixdiff-10", version=str(number))
            twin = runs.setdefault(run.run_id[:3], run)
            if twin is not run:
                break
        write(tmp_path, *((each, scored(each, [half(1)])) for each in (run, twin)))
        monkeypatch.setattr("imlbench.results.choosing.RUN_ID", re.compile("[0-9a-f]{3,16}"))
        message = compare(tmp_path, a=run.run_id[:3]).complaint()
        assert f"'{run.run_id[:3]}' begins 2 run ids: pixdiff-10 [" in message

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--metric", "dice"), "unknown metric 'dice'"),
            (("-o", "comparison.txt"), "expected a name ending in .md, .markdown, .csv, .json"),
            (("--changed", "-1"), "Invalid value for '--changed'"),
            (("--seed", "-1"), "Invalid value for '--seed'"),
            (("--empty", "two"), "Invalid value for '--empty'"),
            (("--results-b", "/nowhere"), "/nowhere/results.db: no results file"),
        ],
    )
    def test_options(self, results, arguments, message):
        assert message in compare(results, *arguments).complaint()

    def test_no_shared_sample(self, tmp_path):
        write(tmp_path, (A, [one(A, "x", half(1))]), (B, [one(B, "x", half(1), content="y")]))
        assert "no sample that both have scored with the same content" in compare(tmp_path).complaint()

    def test_an_unwritable_file(self, results):
        assert "cannot be written" in compare(results, "-o", "/proc/none/comparison.md").complaint()
