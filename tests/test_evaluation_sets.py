"""Which folders hold images that nothing may be trained on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imlbench.errors import UserError
from imlbench.evaluation_sets import evaluation_roots


def write_image(path):
    path.parent.mkdir(parents=True)
    assert cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))


def test_a_folder_without_images_keeps_nothing_out_and_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="--keep-out: no image"):
        evaluation_roots([tmp_path / "empty"])


def test_two_folders_of_one_name_do_not_hide_each_other(tmp_path):
    for parent in ("a", "b"):
        write_image(tmp_path / parent / "images" / "x.png")
    roots = evaluation_roots([tmp_path / "a" / "images", tmp_path / "b" / "images"])
    assert list(roots) == ["images", "images (2)"]


def test_sets_that_may_be_trained_on_are_not_kept_out(tmp_path, monkeypatch):
    write_image(tmp_path / "mine" / "edited" / "x.png")
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_FOLDER", str(tmp_path / "mine"))
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_AUTOSPLICE", str(tmp_path / "nowhere"))
    assert evaluation_roots([]) == {}
