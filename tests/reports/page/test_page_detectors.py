"""Detectors on the page: their measures, their maps over edited images and originals, and which of them are listed."""

from __future__ import annotations

import numpy as np
import pytest

from imlbench.results.reading import ResultReader
from reports.page.selection import select_runs
from tests.making_sets import BOX, annotate_eval, imlbench, make_set, photo, write_image
from tests.reports.making_results import hard, make_run, scored, write
from tests.reports.page.page_results import data_of, page, picture

MEASURES = ("false_alarms_authentic", "false_alarms_tampered", "image_auc")


def visible_set(folder):
    """Two pairs of flat pictures, into whose edited images noise was pasted: what ELA finds."""
    root = make_set(folder, 2)
    for number in range(2):
        flat = np.full((64, 96, 3), 90 + number, np.uint8)
        pasted, mask = flat.copy(), np.zeros((64, 96), np.uint8)
        pasted[16:40, 24:72], mask[16:40, 24:72] = photo(number, (24, 48)), 255
        for role, pixels in (("original", flat), ("edited", pasted), ("mask", mask)):
            write_image(root / role / f"0{number}.png", pixels)
    return root


def detect_eval(root, out, *arguments):
    chosen = ("--dataset", "folder", "--data-root", root, "--detector", "ela", "--out", out)
    done = imlbench("detect-eval", *chosen, *arguments)
    assert done.code == 0, done.err


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Data of a page about a detector with originals and an annotator, and what the command said."""
    folder = tmp_path_factory.mktemp("detectors")
    root = visible_set(folder / "set")
    detect_eval(root, folder / "out", "--authentic", "originals")
    annotate_eval(root, folder / "out", annotator="pixdiff-20")
    done = page(folder / "out", folder / "page.html")
    assert done.code == 0, done.err
    return data_of(folder / "page.html"), done.out


def result_of(data, kind):
    return next(found for found in data["results"] if data["runs"][found["run"]]["kind"] == kind)


def test_a_detector_has_its_own_measures_beside_localisation(made):
    data, _ = made
    titles = {metric["name"]: metric["title"] for metric in data["metrics"]}
    detector, annotator = (
        next(run for run in data["runs"] if run["kind"] == kind) for kind in ("detector", "annotator")
    )
    for name in MEASURES:
        assert titles[name]
        assert 0 <= detector["summary"][name]["mean"] <= 1
        assert name not in annotator["summary"]
    assert detector["summary"]["image_auc"]["n"] == 4
    assert detector["summary"]["f1"]["n"] == 2
    assert detector["summary"]["marked_whole"] is None
    assert "marked_whole" not in titles
    notes = "\n".join(data["notes"])
    assert "False alarms (detectors, lower is better): share of the area of authentic images" in notes
    assert "Detectors: set: 2 samples scored; skipped: none; failed: none; authentic, counted apart: 2." in notes
    assert "whole" not in notes.partition("Image AUC (detectors)")[2].partition("\n")[0]


def test_its_maps_lie_over_edited_images_and_over_originals(made):
    data, said = made
    found = result_of(data, "detector")
    assert data["samples"]["id"] == ["00", "01", "original:00", "original:01"]
    assert found["map_problem"] == [""] * 4
    opacity = [np.asarray(picture(src).convert("RGBA"))[..., 3] for src in found["map"]]
    assert opacity[0][24:32, 36:60].mean() > 128
    assert opacity[0][:8].mean() < 32
    assert opacity[2].max() < 128
    assert "missing" not in said
    assert data["samples"]["problem"] == [""] * 4
    assert [src is None for src in data["samples"]["original"]] == [False, False, True, True]


def test_each_sample_has_its_false_alarms_and_its_image_score(made):
    data, _ = made
    found = result_of(data, "detector")["values"]
    assert found["false_alarms"][2:] == [0.0, 0.0]
    assert min(found["image_score"][:2]) > max(found["image_score"][2:])
    assert set(result_of(data, "annotator")["values"]) == {"f1", "iou"}
    assert {"false_alarms", "image_score"} <= {metric["name"] for metric in data["metrics"]}


def test_a_detector_needs_no_original_to_be_drawn(tmp_path):
    root = make_set(tmp_path / "set", 2)
    (root / "original" / "01.png").unlink()
    detect_eval(root, tmp_path / "out")
    page(tmp_path / "out", tmp_path / "page.html")
    data = data_of(tmp_path / "page.html")
    assert [bool(src) for src in data["samples"]["edited"]] == [True, True]
    assert [bool(src) for src in data["samples"]["original"]] == [True, False]
    assert result_of(data, "detector")["map_problem"] == ["", ""]
    truth = np.asarray(picture(data["samples"]["mask"][1]).convert("RGBA"))[..., 3]
    assert truth[BOX].min() > 128


def test_adapters_of_one_kind_leave_the_others_out(tmp_path):
    runs = [make_run(), make_run("ssim", "SSIM"), make_run("ela", "ELA", kind="detector")]
    folder = write(tmp_path, *((run, scored(run, [hard(40, 0, 0, 60)])) for run in runs))
    with ResultReader(folder) as reader:

        def listed(**options):
            return {stored.run.adapter for stored in select_runs(reader, **options).listed}

        assert listed() == {"pixdiff-10", "ssim", "ela"}
        assert listed(detectors=["*"]) == {"ela"}
        assert listed(annotators=["*"]) == {"pixdiff-10", "ssim"}
        assert listed(annotators=["s*"], detectors=["e*"]) == {"ssim", "ela"}
