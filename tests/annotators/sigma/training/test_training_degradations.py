from __future__ import annotations

from dataclasses import replace

import numpy as np

from annotators.sigma.training.data import StageOneData
from imlbench.training.degradations import EDITED, ORIGINAL, degraded_pair
from imlbench.training.pairs import Place, read_training_set
from imlbench.training.plan import Key
from tests.annotators.sigma.training.making_training import CONFIG, make_set


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(10, axis=0).repeat(10, axis=1))


def test_sizes_stay_and_both_sides_change_in_ways_of_their_own():
    changed = np.zeros(2)
    for seed in range(40):
        image = picture(seed)
        sides = degraded_pair(image, image, np.random.default_rng(seed))
        assert all(side.shape == image.shape and side.dtype == np.uint8 for side in sides)
        changed += [(side != image).any() for side in sides]
    assert changed[1] > changed[0] > 0


def test_nothing_moves_pixels_since_the_mask_would_not_follow():
    assert (EDITED.shift, EDITED.warp, ORIGINAL.shift, ORIGINAL.warp) == (0, 0, 0, 0)


def test_training_data_are_degraded_as_often_as_the_configuration_says(tmp_path):
    read = read_training_set([Place(make_set(tmp_path / "set", 8), None)], 0.05)
    keys = [Key(position, 0, 32) for position in range(12)]
    clean = StageOneData(read.train, CONFIG)
    dirty = StageOneData(read.train, replace(CONFIG, degradation_probability=1.0))
    plain = StageOneData(read.train, replace(CONFIG, degradation_probability=0.0))
    differs = [not np.array_equal(dirty[key]["edited"], clean[key]["edited"]) for key in keys]
    assert sum(differs) > 6
    assert all(np.array_equal(plain[key]["edited"], clean[key]["edited"]) for key in keys)
