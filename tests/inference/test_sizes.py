"""At which sizes a network that takes any size sees a pair."""

from __future__ import annotations

import pytest

from imlbench.errors import UserError
from imlbench.inference.sizes import SizePolicy, limited


def test_a_square_is_the_same_for_all_pairs():
    policy = SizePolicy(square=518)
    assert policy.sizes(10, 1000) == policy.sizes(4000, 3) == ((518, 518),)


@pytest.mark.parametrize(
    ("height", "width", "enlarge", "expected"),
    [
        (1024, 512, False, (512, 256)),
        (512, 1024, False, (256, 512)),
        (100, 60, False, (96, 64)),
        (100, 60, True, (512, 320)),
        (1, 1, False, (32, 32)),
        (1, 5000, True, (32, 512)),
    ],
)
def test_the_longer_side_decides_and_both_are_multiples(height, width, enlarge, expected):
    assert limited(height, width, 512, 32, enlarge) == expected
    assert SizePolicy(long_sides=(512,), multiple=32, enlarge=enlarge).sizes(height, width) == (expected,)


def test_no_side_goes_beyond_the_limit():
    assert limited(530, 530, 530, 32) == (512, 512)


def test_each_size_is_seen_once():
    policy = SizePolicy(long_sides=(256, 512))
    assert policy.sizes(1000, 1000) == ((256, 256), (512, 512))
    assert policy.sizes(200, 100) == ((200, 100),)


@pytest.mark.parametrize(
    "values",
    [
        *({}, {"square": -1}, {"square": 9999}, {"square": 64, "long_sides": (64,)}, {"square": 64, "multiple": 0}),
        *({"long_sides": (5000,)}, {"long_sides": (16,), "multiple": 32}),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(values):
    with pytest.raises(UserError, match="the sizes: expected"):
        SizePolicy(**values)
