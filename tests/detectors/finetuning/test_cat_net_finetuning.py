"""Fine-tuning of CAT-Net: crops on the grid of JPEG's blocks, with the coefficients of the file."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from detectors.cat_net import preprocessing
from detectors.cat_net.coefficients import Luma
from detectors.cat_net.detector import CatNet
from detectors.cat_net.preprocessing import official_planes
from detectors.finetuning import cat_net
from detectors.finetuning.cat_net import CAT_NET, METHOD, CatNetRecipe, CatNetTask
from detectors.finetuning.cat_net_data import CoefficientData
from imlbench.adapters import Picture
from imlbench.errors import UserError
from imlbench.loading import picture_of
from imlbench.training.exported import read_image_set
from imlbench.training.plan import Key
from imlbench.training.single import read_image
from imlbench.weights.checking import digest
from tests.detectors.finetuning.making_native import begun, die_at_the_third_step, finish, make_place, same_end
from tests.detectors.making_networks import needs_jpeglib
from tests.training.making_exports import make_export

torch.set_num_threads(1)


class TwoStreams(nn.Module):
    """Two classes at a quarter of the size, from colours, coefficients and table."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.dc_layer0_dil = nn.Conv2d(3, 2, 4, stride=4), nn.Conv2d(21, 2, 4, stride=4)

    def forward(self, batch, tables):
        assert batch.shape[1] == 24
        assert tables.shape[1:] == (1, 8, 8)
        return self.conv1(batch[:, :3]) + self.dc_layer0_dil(batch[:, 3:]) * tables.mean((2, 3), keepdim=True) / 100


def numbered(data, shape=None):
    """In the place of the file's coefficients, numbers that tell where they lie and which file it was."""
    with Image.open(io.BytesIO(data)) as image:
        rows, columns = (-(-length // 8) * 8 for length in image.size[::-1])
    row, column = np.mgrid[0:rows, 0:columns]
    return Luma(((row + 3 * column) % 25 - 12).astype(np.int16), np.full((8, 8), 1 + len(data) % 90, np.uint16))


@pytest.fixture
def told(monkeypatch):
    """Coefficients without the library that reads them."""
    monkeypatch.setattr(preprocessing, "read_luma", numbered)


@pytest.fixture
def alone(tmp_path, monkeypatch, told):
    make_place(tmp_path, monkeypatch, CAT_NET, TwoStreams)
    return tmp_path


def images_of(root, side=50):
    return read_image_set((str(make_export(root / "set", side=side)),), 0.1)[0].train


def recipe_of(**changes):
    return CatNetRecipe(**{"sizes": (32,), "edited_crops": 0.0, **changes})


def shown(images, item, recipe, size=32):
    data = CoefficientData(images, recipe)
    batch = {name: value[None] for name, value in data[Key(*item, size)].items()}
    return CatNetTask(TwoStreams(), recipe, METHOD).shown(batch), batch


def test_a_crop_is_the_detectors_planes_of_a_place_on_the_grid(tmp_path, told):
    images, found = images_of(tmp_path), set()
    pixels, _ = read_image(images[0])
    data = images[0].sample.edited.read()
    whole = official_planes(pixels, numbered(data).coefficients)
    for position in range(12):
        (planes, table), _ = shown(images, key_of(position), recipe_of())
        places = [
            (top, left)
            for top in range(0, 24, 8)
            for left in range(0, 24, 8)
            if np.allclose(whole[:, top : top + 32, left : left + 32], planes[0].numpy(), atol=1e-5)
        ]
        assert len(places) == 1
        assert table.tolist() == [[[1 + len(data) % 90] * 8] * 8]
        found.update(places)
    assert len(found) > 2


def key_of(position, pair=0):
    return position, pair


def test_beyond_a_small_image_nothing_is_shown_and_nothing_learned(tmp_path, told):
    images = images_of(tmp_path, side=44)
    (planes, _), batch = shown(images, key_of(0), recipe_of(sizes=(64,)), 64)
    pixels, _ = read_image(images[0])
    whole = official_planes(pixels, numbered(images[0].sample.edited.read()).coefficients)
    assert np.allclose(planes[0, :, :48, :48].numpy(), whole, atol=1e-5)
    assert planes[0, :3, 44:].abs().max() < 1e-6
    assert planes[0, 3, 48:].min() == 1
    assert batch["valid"][0, 0, :44, :44].min() == 1
    assert batch["valid"].sum() == 44 * 44


def test_whatever_would_change_coefficients_is_refused():
    for name, value in (
        ("flip_probability", 0.5),
        ("degradation_probability", 0.1),
        ("scale", 1.5),
        ("view", "square"),
    ):
        with pytest.raises(UserError, match=f"{name}: expected .*coefficients are the file's"):
            recipe_of(**{name: value})
    for wrong in ({"align": 4}, {"sizes": (60,)}):
        with pytest.raises(UserError, match="expected multiples of 8"):
            recipe_of(**wrong)


def test_an_edited_pixel_weighs_five_times_an_authentic_one():
    classes = torch.tensor([[[[0.0, 0.0]], [[math.log(3), math.log(3)]]]])
    mask = torch.tensor([[[[1.0, 0.0]]]])
    found = cat_net.by_class({"classes": classes}, mask, torch.ones_like(mask))["loss"].item()
    assert found == pytest.approx(-(2.5 * math.log(0.75) + 0.5 * math.log(0.25)) / 3, rel=1e-5)


def test_a_killed_run_goes_on_to_the_same_weights(alone):
    finish(begun(alone, CAT_NET, out=alone / "whole"))
    die_at_the_third_step(begun(alone, CAT_NET))
    assert finish(begun(alone, CAT_NET, resume=True))
    assert same_end(alone / "run", alone / "whole")
    first, last = (load_file(alone / "run" / f"{name}.safetensors") for name in ("first", "last"))
    assert all(not torch.equal(first[name], last[name]) for name in first)


def test_validation_sees_the_file_and_the_detector_runs_with_what_came_out(alone, monkeypatch):
    trainer = begun(alone, CAT_NET)
    finish(trainer)
    path = alone / "run/best.safetensors"
    monkeypatch.setenv("IMLBENCH_CAT_NET", str(path))
    detector = CatNet()
    assert detector.card.weights[0].sha256 == digest(path)
    image = trainer.run.validation[0]
    pixels, _ = read_image(image)
    data = image.sample.edited.read()
    with torch.inference_mode():
        judged = trainer.task.judge_file(detector.network, image, pixels, torch.device("cpu"))
        bare = trainer.task.judge(detector.network, pixels, torch.device("cpu"))
    assert np.array_equal(judged, detector.detect([picture_of("one", pixels, data)])[0].score_map)
    assert np.array_equal(bare, detector.detect([Picture("one", pixels)])[0].score_map)
    assert not np.array_equal(judged, bare)


def test_missing_packages_are_told_before_anything(tmp_path, monkeypatch):
    monkeypatch.setattr(CatNet, "lacking_packages", classmethod(lambda cls: "cat-net: needs jpeglib"))
    with pytest.raises(UserError, match="needs jpeglib"):
        CAT_NET.begin(CAT_NET.recipes["finetune"], "scratch", {})


def test_presets():
    usual, published = CAT_NET.recipes["finetune"], CAT_NET.recipes["published"]
    assert (published.optimiser, published.learning_rate, published.weight_decay) == ("sgd", 5e-3, 5e-4)
    assert (published.sizes, published.align, published.flip_probability) == ((512,), 8, 0)
    assert usual.learning_rate == pytest.approx(5e-4)


@needs_jpeglib
def test_the_coefficients_are_the_files(tmp_path):
    images = images_of(tmp_path, side=48)
    (planes, table), _ = shown(images, key_of(0), recipe_of(sizes=(48,)), 48)
    pixels, _ = read_image(images[0])
    prepared = preprocessing.prepare(picture_of("one", pixels, images[0].sample.edited.read()))
    assert prepared.notes == ()
    assert np.allclose(planes[0].numpy(), official_planes(pixels, prepared.luma.coefficients), atol=1e-5)
    assert np.array_equal(table[0].numpy(), prepared.luma.table)
