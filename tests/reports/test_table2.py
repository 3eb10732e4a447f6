"""Table 2: published numbers beside ours, gains, and one annotator against another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reports import table2_paper
from reports.options import TextFormat
from reports.study_data import Arm, Measured, Study
from reports.table2 import render
from reports.table2_sheets import advantage_rows, score_sheet

SIGMA, PIXELS = Arm("cat-net", "sigma", 0), Arm("cat-net", "pixdiff-morph", 0)
VALUES = {
    ("before", SIGMA): [[0.1, 0.3], [0.1, 0.3]],
    ("before", PIXELS): [[0.1, 0.3], [0.1, 0.3]],
    ("after", SIGMA): [[0.6, 0.8], [0.5, 0.7]],
    ("after", PIXELS): [[0.2, 0.4], [0.2, 0.4]],
}


def made_up():
    measured = {
        (metric, stage, arm, "cocoglide"): Measured(("a", "b"), np.array(values), (0, 1))
        for (stage, arm), values in VALUES.items()
        for metric in ("f1", "iou", "auc")
    }
    titles, columns = {"cat-net": "CAT-Net", "cocoglide": "CoCoGlide"}, {"cocoglide": "CoCoGlide"}
    fixed = {"init": "public", "corpus": "c", "gates": {}, "steps": None}
    return Study(fixed, (PIXELS, SIGMA), ("cocoglide",), titles, columns, {SIGMA: 9, PIXELS: 9}, measured)


def test_the_published_numbers_are_those_of_the_file():
    assert table2_paper.detectors() == ("CAT-Net", "MVSS-Net", "IML-ViT", "PSCC-Net", "TruFor", "MTCL")
    assert table2_paper.columns() == ("AutoSplice", "CoCoGlide", "DEAL-300K", "MagicBrush", "OpenSDI")
    assert table2_paper.number("CAT-Net", "before", "any", "CoCoGlide", "f1") == 40.97
    assert table2_paper.number("CAT-Net", "after", "sigma-lite", "Average", "iou") == 34.16
    assert table2_paper.number("CAT-Net", "after", "pixdiff-morph", "Average", "iou") is None


def test_scores_stand_beside_the_published_ones():
    rows = {(row[0][0], row[1][0]): row for row in score_sheet(made_up(), "f1").rows}
    assert rows["CAT-Net", "as it was"][3] == ("20.00", "(40.97)")
    assert rows["CAT-Net", "sigma"][2:4] == (("9",), ("65.00", "± 63.53", "(45.53)"))
    assert rows["CAT-Net", "pixdiff-morph"][3] == ("30.00", "± 0.00")
    # Not all five datasets: the published average is of something else.
    assert rows["CAT-Net", "sigma"][4] == ("65.00", "± 63.53")
    assert rows["TruFor", "sigma"][3:] == (
        ("-", f"({table2_paper.number('TruFor', 'after', 'sigma', 'CoCoGlide', 'f1'):.2f})"),
        ("-", "(41.07)"),
    )


def test_the_first_row_says_what_marking_every_pixel_scores():
    floor = {("f1", "cocoglide"): 0.25, ("auc", "cocoglide"): 0.5}
    study = replace(made_up(), everything=floor)
    assert score_sheet(study, "f1").rows[0] == (("marking every pixel",), ("",), ("",), ("25.00",), ("25.00",))
    assert score_sheet(study, "iou").rows[0][3] == ("-",)


def test_a_gain_is_paired_by_seed_and_image():
    gain, p = made_up().gain("f1", SIGMA, "cocoglide")
    assert gain.mean == pytest.approx(0.45)
    # Per image over seeds +0.45 and +0.45: both of four patterns of signs.
    assert p == pytest.approx(0.5)


def test_the_better_annotator_comes_first():
    (row,) = advantage_rows(made_up(), "f1")
    assert [cell[0] for cell in row] == ["CAT-Net", "sigma", "pixdiff-morph", "+35.00"]


def test_only_images_and_seeds_of_both_are_compared():
    study = made_up()
    measured = dict(study.measured)
    measured["f1", "after", PIXELS, "cocoglide"] = Measured(("b", "c"), np.array([[0.4, 0.9]]), (1,))
    other = Study(study.fixed, study.arms, study.datasets, study.titles, study.columns, study.images, measured)
    change, p = other.advantage("f1", SIGMA, PIXELS, "cocoglide")
    assert change.mean == pytest.approx(0.7 - 0.4)
    assert (change.seeds, p) == (1, 1.0)


@pytest.mark.parametrize("form", list(TextFormat))
def test_every_format_holds_ours_and_the_papers(form):
    text = render(made_up(), form)
    assert "65.0" in text
    assert "45.53" in text
