"""Single images: views, soft masks, what is ignored, degradations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from imlbench.datasets.folder import Folder
from imlbench.errors import UserError
from imlbench.training.pairs import TrainingPair
from imlbench.training.plan import Key
from imlbench.training.single import ImageData, degraded_image, read_image
from imlbench.training.single_recipe import ImageRecipe
from imlbench.training.single_views import draw_crop, draw_square, place_crop, targets_of

PLAIN = ImageRecipe(sizes=(16,), flip_probability=0.0, edited_crops=0.0)


def make_folder(root, mask, edited=None):
    pixels = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), np.uint8) if edited is None else edited
    for name, values in (("edited", pixels), ("mask", mask)):
        (root / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(root / name / "a.png")
    (sample,) = Folder(root).samples()
    return TrainingPair(sample, "a", False), pixels


def levels_of(height, width):
    return np.zeros((height, width), np.float32)


def test_an_item_is_the_file_cut_to_size(tmp_path):
    mask = np.zeros((16, 16), np.uint8)
    mask[:4] = 255
    image, pixels = make_folder(tmp_path, mask)
    item = ImageData([image], PLAIN)[Key(0, 0, 16)]
    assert torch.equal((item["image"] * 255).round().byte(), torch.from_numpy(pixels.transpose(2, 0, 1)))
    assert item["mask"].shape == item["valid"].shape == (1, 16, 16)
    assert item["mask"].sum() == 4 * 16
    assert item["valid"].min() == 1


def test_an_item_follows_from_seed_and_position(tmp_path):
    image, _ = make_folder(tmp_path, np.full((40, 50), 255, np.uint8))
    recipe = ImageRecipe(sizes=(16,), degradation_probability=1.0, photometric_probability=1.0, scale=1.5)
    first, again, other = (ImageData([image], recipe)[Key(position, 0, 16)]["image"] for position in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_soft_masks_stay_soft_and_hard_ones_are_cut_at_128():
    levels = np.array([[0, 64, 127, 128, 255]], np.float32)
    soft, valid = targets_of(levels, ImageRecipe(soft_masks=True))
    assert soft[0].tolist() == pytest.approx([0, 64 / 255, 127 / 255, 128 / 255, 1])
    assert valid.min() == 1
    assert targets_of(levels, ImageRecipe())[0][0].tolist() == [0, 0, 0, 1, 1]


def test_levels_and_rims_can_be_ignored():
    levels = np.array([[0, 100, 128, 255]], np.float32)
    assert targets_of(levels, ImageRecipe(ignored_levels=(100, 128)))[1][0].tolist() == [1, 0, 0, 1]
    stripe = levels_of(5, 7)
    stripe[:, 3:] = 255
    valid = targets_of(stripe, ImageRecipe(ignored_rim=1))[1]
    assert valid[2].tolist() == [1, 1, 0, 0, 1, 1, 1]


def test_a_small_image_is_padded_and_the_padding_ignored():
    pixels = np.full((5, 7, 3), 9, np.uint8)
    shown = draw_crop(pixels, levels_of(5, 7), 16, PLAIN, np.random.default_rng(0))
    assert shown.pixels.shape == (16, 16, 3)
    assert shown.whole_pixels
    assert targets_of(shown.levels, PLAIN)[1].sum() == 35


def test_crops_begin_on_the_grid_and_can_seek_the_edit():
    levels = levels_of(100, 120)
    levels[90:92, 110:113] = 255
    recipe = ImageRecipe(align=8, edited_crops=1.0)
    for seed in range(20):
        top, left = place_crop(levels, 32, recipe, np.random.default_rng(seed))
        assert top % 8 == left % 8 == 0
    unaligned = ImageRecipe(edited_crops=1.0)
    for seed in range(20):
        top, left = place_crop(levels, 32, unaligned, np.random.default_rng(seed))
        assert levels[top : top + 32, left : left + 32].max() == 255


def test_a_square_view_shows_the_whole_image_resized():
    recipe = ImageRecipe(view="square", crop_min=1.0, crop_aspect=1.0)
    levels = levels_of(20, 40)
    levels[:, 20:] = 255
    shown = draw_square(np.full((20, 40, 3), 7, np.uint8), levels, 10, recipe, np.random.default_rng(0))
    assert shown.pixels.shape == (10, 10, 3)
    assert shown.pixels.max() == 7
    assert shown.levels[:, 5:].min() == 255
    assert shown.levels[:, :5].max() == 0


def test_degradation_keeps_the_size_and_changes_the_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    found = degraded_image(pixels, np.random.default_rng(1))
    assert found.shape == pixels.shape
    assert found.dtype == np.uint8
    assert not np.array_equal(found, pixels)


def test_a_mask_of_another_size_and_a_broken_image_are_told(tmp_path):
    image, _ = make_folder(tmp_path / "a", np.zeros((8, 8), np.uint8), np.zeros((9, 8, 3), np.uint8))
    with pytest.raises(UserError, match="mask is 8 x 8, image is 8 x 9"):
        read_image(image)
    broken, _ = make_folder(tmp_path / "b", np.zeros((8, 8), np.uint8))
    (tmp_path / "b/edited/a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="training image a cannot be read"):
        read_image(broken)


@pytest.mark.parametrize(
    "values", [{"view": "whole"}, {"scale": 0.5}, {"ignored_levels": (9, 3)}, {"ignored_levels": (1,)}, {"align": 0}]
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(UserError, match=next(iter(values))):
        ImageRecipe(**values)
