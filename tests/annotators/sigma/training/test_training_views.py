"""Views and priors: images, mask and prior stay on top of one another; tone changes both images alike."""

from __future__ import annotations

import numpy as np
import pytest
from making_training import short

from annotators.sigma.training.priors import draw_prior, grown, moved, partial, simulate_prior, view_prior
from imlbench.training.views import (
    Tone,
    View,
    apply_tone,
    crop_image,
    draw_tone,
    draw_view,
    finish_image,
    view_mask,
    whole,
)

NO_TONE = Tone(1, 0, 1, 1)


def square(shape=(60, 80), rows=slice(10, 30), columns=slice(5, 35)):
    mask = np.zeros(shape, np.bool_)
    mask[rows, columns] = True
    return mask


def as_image(mask):
    return np.repeat(mask[:, :, None], 3, axis=2).astype(np.uint8) * 255


def see(image, view, size):
    return finish_image(crop_image(image, view), view, size)


@pytest.mark.parametrize("seed", range(8))
def test_crop_flip_and_scale_keep_images_mask_and_prior_aligned(seed):
    generator = np.random.default_rng(seed)
    mask = square()
    view = draw_view((60, 80, 3), short(crop_min=0.5), generator)
    image = see(as_image(mask), view, 40)
    seen = view_mask(mask, view, 40)
    assert np.array_equal(image[:, :, 0] >= 0.5, seen)
    # A prior at the image's own resolution, seen at the same size, marks the same place but for the outline.
    prior = view_prior(mask.astype(np.float32), mask.shape, view, 40)
    assert np.mean((prior >= 0.5) != seen) < 0.03


def test_a_flip_of_the_view_is_a_flip_of_all_that_is_seen():
    mask, pixels = square(), np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    plain, flipped = View(3, 7, 50, 60, False), View(3, 7, 50, 60, True)
    prior = np.random.default_rng(1).random((9, 11), dtype=np.float32)
    assert np.allclose(see(pixels, flipped, 32), see(pixels, plain, 32)[:, ::-1])
    assert np.array_equal(view_mask(mask, flipped, 32), view_mask(mask, plain, 32)[:, ::-1])
    turned = view_prior(prior, mask.shape, flipped, 12)
    assert np.allclose(turned, view_prior(prior, mask.shape, plain, 12)[:, ::-1], atol=1e-5)


def test_the_whole_view_at_the_same_size_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    prior = np.random.default_rng(1).random((8, 8), dtype=np.float32)
    assert np.allclose(see(pixels, whole(pixels.shape), 32), pixels / 255)
    assert np.allclose(view_prior(prior, pixels.shape, whole(pixels.shape), 8), prior, atol=1e-5)


def test_views_lie_inside_images_of_any_shape():
    generator = np.random.default_rng(0)
    for shape in ((1, 1), (1, 50), (7, 3), (300, 20)):
        for _ in range(50):
            view = draw_view(shape, short(crop_min=0.1, crop_aspect=4.0), generator)
            assert 0 <= view.top <= view.top + view.height <= shape[0]
            assert 0 <= view.left <= view.left + view.width <= shape[1]
            assert view.height > 0 < view.width


def test_a_tone_maps_equal_pixels_to_equal_pixels():
    generator = np.random.default_rng(0)
    original = generator.random((16, 16, 3), dtype=np.float32)
    edited = original.copy()
    edited[:4] = 0.5
    tone = draw_tone(generator, 0.5)
    before, after = apply_tone(original, tone), apply_tone(edited, tone)
    assert np.array_equal(before[4:], after[4:])
    assert not np.allclose(before[4:], original[4:])
    assert before.dtype == np.float32
    assert 0 <= before.min() <= before.max() <= 1


def test_no_tone_changes_nothing():
    image = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    assert np.allclose(apply_tone(image, NO_TONE), image, atol=1e-6)
    assert draw_tone(np.random.default_rng(0), 0.0) == NO_TONE


def test_half_of_the_priors_are_the_constant():
    generator = np.random.default_rng(0)
    priors = [draw_prior(square(), generator, 8, 0.01, 0.5) for _ in range(400)]
    constant = sum(bool((prior == np.float32(0.01)).all()) for prior in priors)
    assert 160 < constant < 240


@pytest.mark.parametrize("seed", range(6))
def test_a_simulated_prior_lies_between_epsilon_and_one_and_near_the_truth(seed):
    prior = simulate_prior(square(), np.random.default_rng(seed), 20, 0.01)
    assert (prior.shape, prior.dtype) == ((20, 20), np.float32)
    assert 0.01 - 1e-6 <= prior.min() <= prior.max() <= 1 + 1e-6
    inside = view_prior(square().astype(np.float32), (60, 80), whole((60, 80)), 20) > 0.5
    assert prior[inside].mean() > 3 * prior[~inside].mean()


def test_ways_of_spoiling_the_truth():
    truth = square((128, 128), slice(40, 80), slice(40, 80))
    generator = np.random.default_rng(0)
    assert (grown(truth, generator) & truth).sum() == truth.sum() < grown(truth, generator).sum()
    assert moved(truth, generator).sum() == truth.sum()
    part = partial(truth, generator)
    assert not (part & ~truth).any()
    assert 0.3 < part.sum() / truth.sum() < 0.7


def test_a_pair_without_an_edit_gets_a_prior_too():
    prior = simulate_prior(np.zeros((60, 80), np.bool_), np.random.default_rng(0), 16, 0.01)
    assert prior.max() > 0.5
