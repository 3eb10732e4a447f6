from __future__ import annotations

import io
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image

from imlbench.synthesis.encodings import apply_steps, degraded, draw_steps, shifted_mask, warped
from imlbench.synthesis.recipe import Recipe, SideRecipe
from tests.synthesis.making_photographs import scenery

NOTHING = SideRecipe(**{field.name: 0.0 for field in fields(SideRecipe)})


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_a_side_without_steps_is_stored_to_the_bit():
    image = scenery(0)
    side = apply_steps(image, [], None)
    assert side.suffix == ".webp"
    assert np.array_equal(pixels_of(side.data), image)


@pytest.mark.parametrize("name", ["resize", "tone", "blur", "sharpen", "noise", "shift", "warp", "jpeg", "webp"])
def test_each_step_is_drawn_recorded_and_changes_pixels(name: str):
    steps = draw_steps(Recipe(), replace(NOTHING, **{name: 1.0}), "", np.random.default_rng(4))
    assert [step["name"] for step in steps] == [name]
    image = scenery(1)
    result = pixels_of(apply_steps(image, steps, None).data)
    assert result.shape == image.shape
    assert (result != image).any()
    assert np.abs(result.astype(int) - image).mean() < 40


def test_the_steps_alone_decide_the_pixels():
    steps = draw_steps(Recipe(), replace(NOTHING, noise=1.0, tone=1.0), "", np.random.default_rng(5))
    first, second = (apply_steps(scenery(2), steps, None).data for _ in range(2))
    assert first == second


def test_the_autoencoder_is_used_for_its_share_of_sides_and_only_where_one_is_given():
    side = replace(NOTHING, vae=0.6, untouched=1.0)
    drawn = [draw_steps(Recipe(), side, "taef2", np.random.default_rng(seed)) for seed in range(400)]
    share = np.mean([bool(steps) for steps in drawn])
    assert 0.52 < share < 0.68
    assert not any(draw_steps(Recipe(), side, "", np.random.default_rng(seed)) for seed in range(20))


def test_a_vae_step_calls_the_round_trip():
    side = apply_steps(scenery(3), [{"name": "vae", "model": "taef2"}], lambda image: 255 - image)
    assert np.array_equal(pixels_of(side.data), 255 - scenery(3))


def test_the_mask_moves_with_a_shifted_edited_side():
    mask = np.zeros((20, 20), np.bool_)
    mask[5:10, 5:10] = True
    moved = shifted_mask(mask, [{"name": "shift", "x": 1, "y": -1}])
    assert np.array_equal(moved, np.roll(mask, (-1, 1), axis=(0, 1)))
    assert np.array_equal(shifted_mask(mask, [{"name": "jpeg", "quality": 50}]), mask)


def test_a_jpeg_side_is_the_encoders_own_file():
    steps = [{"name": "jpeg", "quality": 60, "chroma": "4:2:0"}]
    side = apply_steps(scenery(4), steps, None)
    assert side.suffix == ".jpg"
    assert side.data[:2] == b"\xff\xd8"


def test_a_vae_step_with_a_scale_works_at_that_size_and_comes_back():
    seen = []

    def round_trip(image):
        seen.append(image.shape)
        return image

    step = {"name": "vae", "model": "taef2", "scale": 0.5, "there": "area", "back": "cubic"}
    image = scenery(4)
    side = apply_steps(image, [step], round_trip)
    assert seen == [(round(image.shape[0] / 2), round(image.shape[1] / 2), 3)]
    assert pixels_of(side.data).shape == image.shape


def test_a_size_drawn_together_with_the_autoencoder_is_its_working_size():
    side = replace(NOTHING, vae=1.0, resize=1.0)
    (step,) = draw_steps(Recipe(), side, "taef2", np.random.default_rng(0))
    assert step["name"] == "vae"
    assert {"model", "scale", "there", "back"} <= set(step)


def test_a_warp_moves_the_mask_as_it_moves_the_image():
    step = {"name": "warp", "scale": 1.02, "x": 0.03, "y": -0.02, "bend": 1.0, "seed": 5}
    mask = np.zeros((120, 160), np.bool_)
    mask[40:80, 50:110] = True
    picture = np.repeat(mask[:, :, None], 3, axis=2).astype(np.uint8) * 255
    moved = shifted_mask(mask, [step])
    agree = (warped(picture, step)[:, :, 0] > 127) == moved
    assert agree.mean() > 0.995
    # 0.03 of 160 columns to the right, 0.02 of 120 rows up.
    rows, columns = np.nonzero(moved)
    assert columns.mean() - 79.5 == pytest.approx(4.8, abs=1.2)
    assert rows.mean() - 59.5 == pytest.approx(-2.4, abs=1.2)


def test_a_degraded_image_is_what_its_file_decodes_to():
    image = scenery(6)
    steps = [{"name": "blur", "deviation": 1.0}, {"name": "jpeg", "quality": 60, "chroma": "4:2:0"}]
    assert np.array_equal(degraded(image, steps), pixels_of(apply_steps(image, steps, None).data))
    assert np.array_equal(degraded(image, []), image)
