"""The frozen encoder: hooks, files as published, and one line for whatever is wrong with package or file."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from annotators.meta_cd.fastsam import FastSam, built, load_fastsam
from annotators.meta_cd.files import lacking_package
from imlbench.errors import UserError
from tests.annotators.meta_cd.making_meta_cd import (
    PUBLISHED,
    TASKS,
    TINY_SAM,
    fake_model,
    fastsam_file,
    package,
    tiny,
)


@pytest.fixture
def ultralytics(tmp_path):
    with package(tmp_path) as root:
        yield root


def test_hooks_give_the_published_channels_and_strides(ultralytics, tmp_path):
    encoder = load_fastsam(fastsam_file(tmp_path), PUBLISHED)
    maps = encoder(torch.rand(2, 3, 64, 64))
    assert [(one.shape[1], 64 // one.shape[2]) for one in maps] == [(160, 4), (320, 8), (640, 16), (640, 32)]
    assert len(encoder.layers) == 10


def test_a_published_file_and_its_state_dict_give_the_same_maps(ultralytics, tmp_path):
    model = fake_model().half()
    torch.save(model.state_dict(), tmp_path / "state.pth")
    images = torch.rand(1, 3, 64, 64)
    first = load_fastsam(fastsam_file(tmp_path), PUBLISHED)(images)
    second = load_fastsam(tmp_path / "state.pth", PUBLISHED)(images)
    x = images
    for number in range(10):
        x = model.float().model[number](x)
        if number in (2, 4, 6, 9):
            torch.testing.assert_close(first.pop(0), x, rtol=0, atol=0)
            torch.testing.assert_close(second.pop(0), x, rtol=0, atol=0)


def test_the_encoder_is_frozen_and_keeps_no_hooks(ultralytics, tmp_path):
    encoder = load_fastsam(fastsam_file(tmp_path), PUBLISHED)
    network = tiny(TINY_SAM, encoder).train()
    network(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)).logits.sum().backward()
    assert network.decoder.adapters[0][0].weight.grad is not None
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not any(part.training or part._forward_hooks for part in encoder.modules())
    assert not any(name.startswith("encoders.sam") for name in network.own_state())


def test_a_failing_call_leaves_no_hooks_behind():
    layers = torch.nn.Sequential(*(torch.nn.Conv2d(3, 3, 1) for _ in range(10)))
    encoder = FastSam(layers)
    with pytest.raises(RuntimeError):
        encoder(torch.rand(1, 4, 8, 8))
    assert not any(part._forward_hooks for part in encoder.modules())


def test_a_file_that_names_another_class_is_not_run(ultralytics, tmp_path):
    elsewhere = importlib.import_module("ultralytics.utils").Elsewhere()
    torch.save({"model": fake_model(), "extra": elsewhere}, tmp_path / "FastSAM-x.pt")
    with pytest.raises(
        UserError, match=r"asks for ultralytics\.utils\.Elsewhere, expected tensors only; nothing"
    ) as it:
        load_fastsam(tmp_path / "FastSAM-x.pt", PUBLISHED)
    assert "\n" not in str(it.value)


def test_files_of_older_versions_name_classes_elsewhere(ultralytics, tmp_path, monkeypatch):
    module = importlib.import_module("ultralytics.nn.tasks")
    older = importlib.import_module("types").ModuleType("ultralytics.nn.modules")
    older.Layer = module.Layer
    monkeypatch.setitem(sys.modules, "ultralytics.nn.modules", older)
    monkeypatch.setattr(module.Layer, "__module__", "ultralytics.nn.modules")
    path = fastsam_file(tmp_path)
    monkeypatch.undo()
    assert len(load_fastsam(path, PUBLISHED).layers) == 10


class Evil:
    def __reduce__(self):
        return os.system, ("touch run",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "truncated, damaged or no weight file"),
        (b"not a file of weights", "truncated, damaged or no weight file"),
        ([1, 2], "expected named tensors, found list"),
        ({"model": 3}, "expected tensors by name"),
        ({"model.0.conv.weight": torch.zeros(2)}, "not this network's weights"),
        ({"ema": torch.zeros(2), "model": torch.zeros(2)}, "not this network's weights"),
        ({"model": Evil()}, "asks for posix.system, expected tensors only"),
    ],
)
def test_hostile_files_are_told_in_one_line(ultralytics, tmp_path, monkeypatch, content, told):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "FastSAM-x.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(UserError, match=told) as caught:
        load_fastsam(path, PUBLISHED)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_weights_that_are_no_numbers_are_refused(ultralytics, tmp_path):
    state = fake_model().state_dict()
    state["model.3.conv.weight"][0] = torch.nan
    torch.save(state, tmp_path / "fastsam.pth")
    with pytest.raises(UserError, match=r"model\.3\.conv\.weight: expected finite weights"):
        load_fastsam(tmp_path / "fastsam.pth", PUBLISHED)


def test_a_missing_file_is_told(ultralytics, tmp_path):
    with pytest.raises(UserError, match="no such weight file"):
        load_fastsam(tmp_path / "none.pt", PUBLISHED)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("self.f = -1", "self.f = -2"), "ultralytics builds another yolov8x-seg.yaml"),
        (("import torch\n", "import no_such_library\n"), "cannot build yolov8x-seg.yaml: ModuleNotFoundError"),
        (("STRIDED = (0, 1, 3, 5, 7)", "STRIDED = (0, 3, 5, 7)"), r"expected maps of \(channels, stride\)"),
    ],
)
def test_another_version_of_the_package_is_told_in_one_line(tmp_path, change, told):
    with package(tmp_path, TASKS.replace(*change)), pytest.raises(UserError, match=told) as caught:
        load_fastsam(fastsam_file(tmp_path) if "no_such" not in change[1] else tmp_path / "none.pt", PUBLISHED)
    assert "\n" not in str(caught.value)


GREEDY = """
import os
import cv2
import numpy
import torch
from PIL import Image

Image.open = torch.save = cv2.imread = None
cv2.setNumThreads(0)
numpy.set_printoptions(precision=1)
os.environ["OMP_NUM_THREADS"] = "77"
"""


@pytest.mark.parametrize("fails", [False, True])
def test_what_the_package_changes_elsewhere_is_put_back(tmp_path, fails):
    before = (Image.open, torch.save, torch.load, cv2.imread, cv2.getNumThreads(), np.get_printoptions())
    variable = os.environ.get("OMP_NUM_THREADS")
    with package(tmp_path, GREEDY + ("raise ImportError" if fails else "") + TASKS):
        if fails:
            with pytest.raises(UserError, match="cannot build"):
                built()
        else:
            assert len(list(built().model)) == 11
    assert before == (Image.open, torch.save, torch.load, cv2.imread, cv2.getNumThreads(), np.get_printoptions())
    assert os.environ.get("OMP_NUM_THREADS") == variable


def test_a_missing_package_is_told_with_its_licence(tmp_path, monkeypatch):
    monkeypatch.setattr("annotators.meta_cd.files.find_spec", lambda name: None)
    assert lacking_package().endswith("not installed: pip install 'imlbench[fastsam]'")
    with pytest.raises(UserError, match=r"FastSAM needs ultralytics \(AGPL-3\.0\)"):
        load_fastsam(tmp_path / "FastSAM-x.pt", PUBLISHED)


def test_nothing_imports_the_package_before_it_is_needed(tmp_path):
    code = (
        "import sys; import annotators.meta_cd.fastsam, annotators.meta_cd.annotator, annotators.meta_cd.checkpoint;"
        "import annotators.meta_cd.training.command; assert not any('ultralytics' in name for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
