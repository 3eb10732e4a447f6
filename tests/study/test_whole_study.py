"""A whole study: steps in order, nothing done twice, more of it later, and its reports."""

from __future__ import annotations

import csv
import os
import shutil

import pytest
import torch

from imlbench.config import ENVIRONMENT_PREFIX
from imlbench.errors import UserError
from imlbench.study import running, steps
from imlbench.study.cells import read_cells
from imlbench.study.order import Order
from imlbench.study.running import study
from reports.data_curve import data_curve
from reports.table2 import table2
from tests.study.making_studies import RED
from tests.training.making_pairs import make_set


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of two annotators, and what it said."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        quiet(patch, root)
        # The set's pairs are too few for a gate by source: all of its photographs look alike.
        make_set(root / "pairs", 14, side=32)
        said = []
        study(order_in(root), said.append)
        yield root, said


def quiet(patch, root):
    """Nothing of this machine, and the small detector alone."""
    torch.set_num_threads(1)
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        patch.delenv(name)
    patch.setenv("XDG_CONFIG_HOME", str(root / "no-config"))
    patch.setattr(running, "finetuner", lambda name: {"red": RED}[name])


def order_in(root, **changes):
    asked = {
        "annotators": ["pixdiff-morph", "exact"],
        "detectors": ["red"],
        "corpus": str(root / "pairs"),
        "datasets": ["held-out"],
        "out": root / "out",
        "seeds": 2,
        "init": "scratch",
        "validation": 0.3,
        "authentic": 0.0,
        "quality": 0,
        "workers": 1,
        "cpu": True,
    }
    return Order(**{**asked, **changes})


def test_every_cell_is_there_once(finished):
    root, _ = finished
    cells = read_cells(root / "out")
    places = {(cell.annotator, cell.seed, cell.stage) for cell in cells}
    assert places == {(a, s, t) for a in ("pixdiff-morph", "exact") for s in (0, 1) for t in ("before", "after")}
    assert len(cells) == 8
    assert all(cell.images > 0 for cell in cells)


def test_what_training_begins_with_is_one_run_for_all_annotators(finished):
    root, _ = finished
    before = {(cell.seed, cell.run_id) for cell in read_cells(root / "out") if cell.stage == "before"}
    assert len(before) == 2


def test_the_same_order_again_does_nothing(finished, monkeypatch):
    root, _ = finished
    quiet(monkeypatch, root)
    monkeypatch.setattr(steps, "evaluate", None)
    files = {path: path.stat().st_mtime_ns for path in (root / "out/runs").rglob("*") if path.is_file()}
    assert len(study(order_in(root), lambda line: None)) == 8
    assert files == {path: path.stat().st_mtime_ns for path in (root / "out/runs").rglob("*") if path.is_file()}


def test_a_killed_training_and_a_lost_evaluation_are_made_up_for(finished, monkeypatch, tmp_path):
    root, _ = finished
    quiet(monkeypatch, root)
    shutil.copytree(root / "out", tmp_path / "out")
    shutil.rmtree(tmp_path / "out/results")
    (tmp_path / "out/cells.json").unlink()
    run = tmp_path / "out/runs/red/exact/seed-1"
    expected = (run / "best.safetensors").read_bytes()
    for path in run.rglob("*"):
        # As killed before the first checkpoint.
        if path.name not in ("first.safetensors", "best.safetensors") and path.is_file():
            path.unlink()
    cells = study(order_in(root, out=tmp_path / "out"), lambda line: None)
    assert {cell.run_id for cell in cells} == {cell.run_id for cell in read_cells(root / "out")}
    assert (run / "best.safetensors").read_bytes() == expected


def test_seeds_and_numbers_of_pairs_can_be_added_but_nothing_else_changed(finished, monkeypatch, tmp_path):
    root, _ = finished
    quiet(monkeypatch, root)
    shutil.copytree(root / "out", tmp_path / "out")
    cells = study(order_in(root, out=tmp_path / "out", annotators=["exact"], pairs=[0, 5]), lambda line: None)
    assert len(cells) == 8 + 4
    assert {cell.images for cell in cells if cell.pairs == 5} < {1, 2, 3, 4, 5}
    for change in ({"quality": 90}, {"steps": 3}, {"min_qes": 0.5}, {"init": "public"}):
        with pytest.raises(UserError, match="holds another study"):
            study(order_in(root, out=tmp_path / "out", **change), lambda line: None)


def test_the_table_tells_what_was_learned(finished, tmp_path):
    root, _ = finished
    table2(root / "out", tmp_path / "t.csv", None)
    with (tmp_path / "t.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if (row["stage"], row["metric"]) == ("after", "f1")]
    found = {row["annotator"]: row for row in rows}
    # A red square in noise is found by one convolution, whoever's masks it learned from.
    assert all(float(row["ours"]) > 60 and float(row["gain"]) > 0 for row in found.values())
    assert (found["exact"]["seeds"], found["exact"]["paper"]) == ("2", "")


def test_the_reports_are_written(finished, tmp_path):
    root, _ = finished
    for name in ("t.md", "t.tex", "c.svg"):
        (data_curve if name == "c.svg" else table2)(root / "out", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    text = (tmp_path / "t.md").read_text()
    assert "| Red | as it was |" in text
    assert "| Detector | Masks | instead of | held out |" in text
    assert "| CAT-Net | sigma |" in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"annotators": []}, "--annotator: expected at least one"),
        ({"annotators": ["exact", "exact"]}, "named twice"),
        ({"seeds": 0}, "--seeds"),
        ({"configs": {"other": "x"}}, "none of the detectors"),
        ({"corpus": "anyedit=/nowhere"}, "only a corpus that is a folder"),
        ({"corpus": "anyedit=/nowhere", "annotators": ["pixdiff-0"]}, "keeps pairs apart"),
        ({"datasets": ["no-such-set"]}, "unknown dataset"),
        ({"datasets": ["folder=pairs", "folder=./pairs"]}, "two datasets are called folder"),
    ],
)
def test_an_order_that_cannot_be_followed_leaves_no_folder(tmp_path, monkeypatch, changes, told):
    quiet(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    make_set(tmp_path / "pairs", 6, side=32)
    with pytest.raises(UserError, match=told):
        study(order_in(tmp_path, **changes), lambda line: None)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, monkeypatch):
    quiet(monkeypatch, tmp_path)
    make_set(tmp_path / "pairs", 6, side=32)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="no study"):
        study(order_in(tmp_path), lambda line: None)
