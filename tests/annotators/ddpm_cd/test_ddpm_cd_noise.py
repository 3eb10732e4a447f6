"""The noise of a sample: from seed and id, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from annotators.ddpm_cd.config import PUBLISHED
from annotators.ddpm_cd.noise import IMAGES, NoiseSource, draw_key
from annotators.ddpm_cd.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule(PUBLISHED.extractor)
SOURCE = NoiseSource(SCHEDULE, 7, 16)


def test_a_draw_is_the_same_every_time_whatever_was_drawn_before():
    first = SOURCE.draw("a", "edited", 50)
    SOURCE.draw("b", "edited", 50)
    again = NoiseSource(SCHEDULE, 7, 16).draw("a", "edited", 50)
    assert first.level == again.level
    np.testing.assert_array_equal(first.noise, again.noise)


@pytest.mark.parametrize(
    "other",
    [
        (8, "a", "edited", 50, 0),
        (7, "b", "edited", 50, 0),
        (7, "a", "original", 50, 0),
        (7, "a", "edited", 100, 0),
        (7, "a", "edited", 50, 1),
    ],
)
def test_seed_sample_image_step_and_view_each_give_another_draw(other):
    seed, *rest = other
    here = SOURCE.draw("a", "edited", 50)
    there = NoiseSource(SCHEDULE, seed, 16).draw(*rest)
    assert abs(np.corrcoef(here.noise.ravel(), there.noise.ravel())[0, 1]) < 0.2


def test_ids_that_only_look_alike_joined_have_keys_of_their_own():
    keys = {draw_key(0, "a1", "edited", 50, 0), draw_key(0, "a", "1edited", 50, 0), draw_key(0, "ä\n", "edited", 50, 0)}
    assert len(keys) == 3


def test_noise_is_standard_normal_and_its_level_lies_within_the_step():
    draws = [NoiseSource(SCHEDULE, seed, 64).draw("a", image, 400) for seed in range(5) for image in IMAGES]
    values = np.concatenate([one.noise.ravel() for one in draws])
    assert values.dtype == np.float32
    assert (values.mean(), values.std()) == pytest.approx((0, 1), abs=0.01)
    low, high = SCHEDULE.interval(400)
    assert all(low <= one.level <= high for one in draws)
    assert len({one.level for one in draws}) == len(draws)


def test_stacking_keeps_every_samples_own_draw():
    levels, noise = SOURCE.stacked([("a", 0), ("b", 3)], "original", 100)
    assert (levels.shape, noise.shape, noise.dtype) == ((2,), (2, 3, 16, 16), np.float32)
    np.testing.assert_array_equal(noise[1], SOURCE.draw("b", "original", 100, 3).noise)
