from __future__ import annotations

import numpy as np
import pytest

from imlbench.exporting.near import as_hashes, groups, joined, near_any


def hashes_with_copies(seed: int = 0):
    """400 strangers, and 200 copies of the first with up to six bits turned."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 1 << 64, 400, dtype=np.uint64)
    copies = values[:200].copy()
    for place in range(200):
        for bit in rng.choice(64, rng.integers(0, 7), replace=False):
            copies[place] ^= np.uint64(1) << np.uint64(bit)
    return np.concatenate((values, copies))


def distances(left, right):
    return np.bitwise_count(left[:, None] ^ right[None])


def slow_groups(hashes, distance):
    """Smallest index that each is linked to: labels spread until nothing changes."""
    near = distances(hashes, hashes) <= distance
    labels = np.arange(hashes.size)
    while True:
        spread = np.where(near, labels[None], hashes.size).min(axis=1)
        if (spread == labels).all():
            return labels
        labels = spread


@pytest.mark.parametrize("distance", [0, 1, 4, 6, 12])
def test_groups_are_those_of_comparing_each_with_each(distance):
    hashes = hashes_with_copies()
    assert np.array_equal(groups(hashes, distance), slow_groups(hashes, distance))


@pytest.mark.parametrize("distance", [0, 3, 6])
def test_near_to_any_is_that_of_comparing_each_with_each(distance):
    hashes = hashes_with_copies(1)
    found = near_any(hashes[200:], hashes[:200], distance)
    assert np.array_equal(found, (distances(hashes[200:], hashes[:200]) <= distance).any(axis=1))
    assert found.any()
    assert not found.all()


def test_a_chain_of_small_steps_is_one_group():
    first = np.uint64(0x0F0F0F0F0F0F0F0F)
    chain = np.array([first, first ^ np.uint64(0x3), first ^ np.uint64(0xF), first ^ np.uint64(0xFF)], np.uint64)
    assert groups(chain, 2).tolist() == [0, 0, 0, 3]


def test_images_without_detail_resemble_nothing():
    flat = np.array([0, 0, 1, 1 << 63], np.uint64)
    assert groups(flat, 4).tolist() == [0, 1, 2, 3]
    assert not near_any(flat, flat, 4).any()


def test_nothing_compared_with_nothing():
    none = as_hashes([])
    assert groups(none, 4).size == 0
    assert near_any(hashes_with_copies(), none, 4).sum() == 0


def test_labellings_are_joined_through_rows_that_link_them():
    assert joined(np.array([7, 7, 3, 3, 9]), np.array([0, 1, 1, 2, 4])).tolist() == [0, 0, 0, 0, 4]


def test_digits_are_read_as_one_number():
    assert as_hashes(["00000000000000ff", "8000000000000000"]).tolist() == [255, 1 << 63]
