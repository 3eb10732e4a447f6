"""Kept score maps: readable names, never outside their folder."""

from __future__ import annotations

import io
import os
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imlbench.jobs import annotator_handles, make_jobs
from imlbench.maps import MapFolder, safe_name
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations.compression import Jpeg
from tests.making_sets import ListDataset, Toy

HOSTILE = [
    "../../x",
    "/etc/passwd",
    "..",
    ".",
    ".hidden",
    "a/b",
    "a\\b",
    "x" * 5000,
    "für Élise",
    "日本",
    "a\nb\x7f",
    "con*?",
]


@pytest.fixture
def job(tmp_path):
    return make_jobs(annotator_handles([Toy()], "cpu", 0), ListDataset(tmp_path, []), [CLEAN], 0)[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids_stay_in_the_folder(tmp_path, job, name):
    folder = MapFolder(tmp_path / "maps")
    folder(job, name, np.ones((2, 3), bool))
    path = folder.path(job.run, name)
    assert path.is_file()
    assert os.path.realpath(path).startswith(os.path.realpath(tmp_path / "maps") + os.sep)
    assert path.parent.parent == tmp_path / "maps"
    assert len(path.name) < 200


def test_readable_ids_keep_their_name_and_no_two_share_one():
    assert safe_name("COCO_train-0001.a") == "COCO_train-0001.a"
    names = [safe_name(name) for name in [*HOSTILE, "a_b", "x" * 4999, "x" * 120, "x" * 121]]
    assert len(set(names)) == len(names)


@given(st.text())
def test_any_text_gives_a_plain_file_name(text):
    name = safe_name(text)
    assert set(name) <= set(string.ascii_letters + string.digits + "._-")
    assert len(name) <= 131
    assert not name.startswith(".")


@pytest.mark.parametrize(
    ("scores", "grey"),
    [
        (np.array([[False, True]]), [0, 255]),
        (np.array([[3, 200]], np.uint8), [3, 200]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
    ],
)
def test_the_value_is_the_histogram_bin(tmp_path, job, scores, grey):
    folder = MapFolder(tmp_path)
    folder(job, "a", scores)
    image = Image.open(io.BytesIO(folder.path(job.run, "a").read_bytes()))
    assert (image.mode, np.asarray(image).tolist()) == ("L", [grey])


def test_runs_and_conditions_have_folders_of_their_own(tmp_path):
    conditions = [CLEAN, Condition(Jpeg(), 50), Condition(Jpeg(), 50, "both")]
    jobs = make_jobs(annotator_handles([Toy(), Toy("b")], "cpu", 0), ListDataset(tmp_path, []), conditions, 0)
    folders = {MapFolder(tmp_path).path(job.run, "a").parent.name for job in jobs}
    assert len(folders) == 6
    assert sum("-jpeg-50-" in name for name in folders) == 4
