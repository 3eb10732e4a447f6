"""The paper set: everything that the results allow, and reasons for what they do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imlbench.datasets.folder import Folder
from imlbench.evaluation import evaluate
from imlbench.perturb import CLEAN, Condition
from imlbench.registry import resolve
from imlbench.results.reading import ResultReader
from imlbench.results.records import Outcome
from reports.paper_index import index_html
from reports.paper_set import Item, Made, tags
from tests.making_sets import Done, imlbench, make_set
from tests.reports.making_results import facts, make_run, scored, soft, write


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Six pairs scored clean and under two JPEG qualities."""
    folder = tmp_path_factory.mktemp("set")
    make_set(folder / "pairs", 6)
    jpeg = resolve("perturbations", "jpeg").load()()
    conditions = [CLEAN, Condition(jpeg, 90), Condition(jpeg, 50)]
    evaluate(Folder(folder / "pairs"), ["pixdiff-10", "pixdiff-20"], out=folder / "results", conditions=conditions)
    return folder / "results"


def make_paper(*arguments: object) -> Done:
    """Run the report."""
    return imlbench("report", "paper", *arguments)


def test_every_file_of_the_index_is_there_and_nothing_else(results, tmp_path):
    out = tmp_path / "out"
    done = make_paper("--results", results, "-o", out)
    assert done.code == 0, done.err
    index = (out / "index.html").read_text()
    linked = set(re.findall(r'(?:href|src)="([^"]+)"', index))
    assert linked
    for name in linked:
        assert (out / name).stat().st_size > 0, name
    tops = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {name for name in tops if not name.startswith("page")} - {"index.html"} == {
        name for name in linked if not name.startswith("page")
    }
    for wanted in ("tables/table1.tex", "tables/robustness.csv", "figures/robustness.pdf", "page.html"):
        assert wanted in linked


def test_what_the_results_do_not_allow_is_left_out_with_its_reason(tmp_path):
    run = make_run()
    write(tmp_path / "results", (run, scored(run, [soft(200, 5)] * 3)))
    done = make_paper("--results", tmp_path / "results", "-o", tmp_path / "out", "--no-page")
    assert done.code == 0, done.err
    assert "Robustness: left out: " in done.out
    index = (tmp_path / "out" / "index.html").read_text()
    assert "Left out" in index
    assert not (tmp_path / "out" / "page.html").exists()
    assert not list((tmp_path / "out").rglob("robustness*"))


def test_a_file_in_place_of_the_folder_is_refused(results, tmp_path):
    (tmp_path / "out").write_text("mine")
    done = make_paper("--results", results, "-o", tmp_path / "out")
    assert "not a folder" in done.complaint()
    assert (tmp_path / "out").read_text() == "mine"


def test_tables_are_made_for_tags_that_are_classes(tmp_path):
    run = make_run()
    outcomes = [
        Outcome(run.run_id, facts(run.dataset, f"x{index}", tags=make_tags(index)), "", "ok", counts=soft(200, 5))
        for index in range(40)
    ]
    write(tmp_path, (run, outcomes))
    with ResultReader(tmp_path) as reader:
        assert tags(reader) == ["kind"]


def make_tags(index: int) -> dict[str, str]:
    """One class of two values, one that never changes, one name of its own."""
    return {"kind": str(index % 2), "same": "x", "name": str(index)}


def test_hostile_names_are_text():
    item = Item("<script>alert(1)</script>\ud800", "table", "table1", "tables/<x>\"'", (".md",), {})
    page = index_html([Made(item, ("tables/<x>\"'.md",)), Made(item, (), "</ul><img src=x>")], "/data/<b>")
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "<b>" not in page
    assert page.encode()
