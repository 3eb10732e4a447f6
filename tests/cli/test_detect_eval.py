"""`imlbench detect-eval`, and `robustness` for detectors: their tables, resume, maps, and the reports on them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from imlbench.results.reading import ResultReader
from tests.making_sets import imlbench, make_set, mask, photo, write_image


@pytest.fixture
def root(tmp_path):
    return make_set(tmp_path / "set", 4)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def detect_eval(root, out, *arguments):
    chosen = ("--dataset", "folder", "--data-root", root, "--detector", "ela", "--out", out, "--workers", 2)
    return imlbench("detect-eval", *chosen, *arguments)


def runs_of(done):
    return json.loads(done.out)["runs"]


def test_the_table_has_tampered_and_authentic_images_apart(root, out):
    done = detect_eval(root, out, "--authentic", "originals")
    assert done.code == 0
    header, row, *rest = done.out.splitlines()
    assert header.split()[:3] == ["dataset", "detector", "tampered"]
    assert "false alarms" in header
    assert "image AUC" in header
    assert "whole fakes" not in header
    assert row.split()[:3] == ["folder:set", "ela", "4"]
    assert rest == [f"results: {out / 'results.db'}"]


def test_without_authentic_images_it_says_where_some_may_come_from(root, out):
    assert "--authentic originals takes them" in detect_eval(root, out).out
    (row,) = runs_of(detect_eval(root, out, "--json"))
    assert row["metrics"]["image_auc"] == {"mean": None, "stderr": None, "low": None, "high": None, "n": 0}


def test_json_tells_of_every_number_and_a_second_command_computes_nothing(root, out):
    (first,) = runs_of(detect_eval(root, out, "--json", "--authentic", "originals"))
    assert (first["detector"], first["computed"], first["scored"]) == ("ela", 8, 8)
    assert first["metrics"]["image_auc"]["n"] == 8
    assert first["metrics"]["false_alarms_authentic"]["n"] == first["metrics"]["f1"]["n"] == 4
    (second,) = runs_of(detect_eval(root, out, "--json", "--authentic", "originals"))
    assert (second["computed"], second["stored"]) == (0, 8)
    assert second["metrics"] == first["metrics"]


def test_a_dry_run_counts_the_originals_and_writes_nothing(root, out):
    (row,) = json.loads(detect_eval(root, out, "--dry-run", "--json", "--authentic", "originals").out)
    assert (row["detector"], row["to_compute"]) == ("ela", 8)
    assert not out.exists()


def test_an_unreadable_image_fails_and_the_others_go_on(root, out):
    (root / "edited" / "01.png").write_bytes(b"nothing")
    done = detect_eval(root, out)
    assert done.code == 1
    assert "ela on folder:set: 1 failed (unreadable 1)" in done.err
    Image.fromarray(photo(7)).save(root / "edited" / "01.png")
    (row,) = runs_of(detect_eval(root, out, "--json"))
    assert (row["computed"], row["failed"]) == (1, {})


def test_a_listed_set_brings_its_own_authentic_images(tmp_path, out):
    root = tmp_path / "CASIA"
    for number in range(3):
        write_image(root / f"t{number}.png", photo(number))
        write_image(root / f"m{number}.png", mask())
        write_image(root / f"a{number}.png", photo(number + 10))
    entries = [[f"t{number}.png", f"m{number}.png"] for number in range(3)]
    entries += [[f"a{number}.png", "Negative"] for number in range(3)]
    (root / "CASIA.json").write_text(json.dumps(entries))
    chosen = ("--dataset", "imdlbenco", "--data-root", root / "CASIA.json", "--detector", "ela", "--out", out)
    done = imlbench("detect-eval", *chosen, "--json")
    assert done.code == 0, done.err
    (row,) = runs_of(done)
    assert row["metrics"]["f1"]["n"] == row["metrics"]["false_alarms_authentic"]["n"] == 3


def test_kept_maps_are_those_that_were_counted(root, out):
    detect_eval(root, out, "--save-maps")
    with ResultReader(out) as reader:
        (run,) = reader.runs("detector")
        scores = reader.image_scores(run.run_id)
    maps = sorted((out / "maps").rglob("*.png"))
    assert len(maps) == 4
    largest = [int(np.array(Image.open(path)).max()) for path in maps]
    assert sorted(largest) == sorted(min(255, int(score * 256)) for score in scores)


class TestRobustness:
    def robustness(self, root, out, *arguments):
        chosen = ("--dataset", "folder", "--data-root", root, "--out", out, "--workers", 2, "--perturb", "blur")
        return imlbench("robustness", *chosen, "--severity", "3", *arguments)

    def test_serves_annotators_and_detectors_in_tables_of_their_own(self, root, out):
        done = self.robustness(root, out, "--detector", "ela", "--annotator", "pixdiff-20", "--target", "both")
        assert done.code == 0
        tables = [line.split()[:5] for line in done.out.splitlines()]
        assert tables[0][:3] == ["dataset", "annotator", "condition"]
        assert tables[2] == ["folder:set", "pixdiff-20", "blur", "3", "on"]
        assert tables[3][:3] == ["dataset", "detector", "condition"]
        assert tables[5] == ["folder:set", "ela", "blur", "3", "4"]
        assert "--detector '*' for the detectors" in done.out

    def test_perturbs_authentic_images_too(self, root, out):
        done = self.robustness(root, out, "--detector", "ela", "--authentic", "originals", "--json")
        assert [run["metrics"]["image_auc"]["n"] for run in runs_of(done)] == [8, 8]

    def test_needs_one_of_them(self, root, out):
        assert "give --annotator or --detector" in self.robustness(root, out).complaint()

    def test_is_reported_for_detectors(self, root, out, tmp_path):
        self.robustness(root, out, "--detector", "ela")
        done = imlbench("report", "table-robustness", "--results", out)
        assert "| Detector | n | clean | 3 |" in done.out
        assert imlbench("report", "robustness", "--results", out, "-o", tmp_path / "r.svg").code == 0
        assert (
            "no runs on perturbed images"
            in imlbench("report", "table-robustness", "--results", out, "--annotator", "*").complaint()
        )
        both = ("--annotator", "*", "--detector", "*")
        assert "give one" in imlbench("report", "table-robustness", "--results", out, *both).complaint()


def test_the_page_shows_detectors_whose_maps_were_kept(root, out, tmp_path):
    detect_eval(root, out, "--save-maps")
    done = imlbench("report", "html", "--results", out, "--data-root", root, "-o", tmp_path / "page.html")
    assert done.code == 0
    assert "1 runs, 4 samples" in done.out.replace("1 run,", "1 runs,")
    assert "missing" not in done.out
