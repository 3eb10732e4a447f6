"""The paper's seven PixDiff rows on CoCoGlide, through the command line and the results file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from imlbench.results.reading import ResultReader
from tests.making_sets import imlbench

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "CoCoGlide"
TABLE = Path(__file__).parents[2] / "reports" / "paper" / "table1_annotators.csv"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (DATA / "table.csv").is_file(), reason="CoCoGlide is not in the private data folder"),
]


@pytest.fixture(scope="module")
def published() -> dict[str, tuple[float, float]]:
    """F1 and IoU of the paper's PixDiff rows on CoCoGlide, in per cent, by the title of the row."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == "CoCoGlide"]
    return {row["annotator"]: (float(row["f1"]), float(row["iou"])) for row in rows if "PixDiff" in row["annotator"]}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A results folder with all of PixDiff on all of CoCoGlide."""
    out = tmp_path_factory.mktemp("cocoglide")
    done = imlbench(
        "annotate-eval",
        "--dataset",
        "cocoglide",
        "--data-root",
        DATA,
        "--annotator",
        "pixdiff-*",
        "--out",
        out,
        "--json",
    )
    assert done.code == 0, done.err
    assert {run["scored"] for run in json.loads(done.out)["runs"]} == {512}
    return out


def test_the_seven_rows_equal_the_printed_ones(results, published):
    assert len(published) == 7
    with ResultReader(results) as reader:
        ours = {one.run.adapter_title: reader.stored_summaries(one.run_id) for one in reader.runs()}
        for title, (f1, iou) in published.items():
            summaries = ours[title]
            assert 100 * summaries["f1"].mean == pytest.approx(f1, abs=0.01), title
            tolerance = 0.02 if title == "PixDiff-Otsu" else 0.01
            assert 100 * summaries["iou"].mean == pytest.approx(iou, abs=tolerance), title


def test_the_set_is_composited_and_a_threshold_of_one_finds_that(results):
    with ResultReader(results) as reader:
        exact = next(one for one in reader.runs() if one.run.adapter == "pixdiff-exact")
        assert reader.composited(exact.run_id).whole
        assert reader.stored_summaries(exact.run_id)["f1"].mean > 0.998


def test_the_same_command_again_computes_nothing(results):
    done = imlbench(
        "annotate-eval",
        "--dataset",
        "cocoglide",
        "--data-root",
        DATA,
        "--annotator",
        "pixdiff-*",
        "--out",
        results,
        "--json",
    )
    assert {run["computed"] for run in json.loads(done.out)["runs"]} == {0}
