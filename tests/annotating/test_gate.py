import numpy as np
import pytest

from imlbench.annotating.gate import Gates, Measures, area_share, count_components, decisiveness, overlap, verdict
from imlbench.errors import UserError

GOOD = {"area": 0.1, "qes": 0.9, "alignment": 0.9, "agreement": 0.9}


def test_decisiveness_is_the_share_of_certain_among_possible_pixels():
    scores = np.array([[1.0, 0.94, 0.9, 0.07], [0.0, 0.06, 0.0, 0.0]], np.float32)
    assert decisiveness(scores) == 2 / 4


def test_decisiveness_excludes_both_bounds():
    scores = np.array([[15 / 16, 1 / 16, 1.0]], np.float32)
    assert decisiveness(scores) == 1 / 2


def test_decisiveness_of_levels_is_that_of_their_255ths():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    exact = levels.astype(np.float64) / 255
    assert decisiveness(levels) == (exact > 15 / 16).sum() / (exact > 1 / 16).sum()


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.bool_])
def test_a_map_of_zeros_is_not_decided(dtype):
    assert decisiveness(np.zeros((3, 3), dtype)) == 0.0


def test_a_hard_map_is_decided():
    assert decisiveness(np.eye(3, dtype=bool)) == 1.0


def test_components_touch_at_corners():
    assert count_components(np.eye(5, dtype=bool)) == 1
    assert count_components(np.zeros((4, 4), bool)) == 0
    apart = np.zeros((9, 9), bool)
    apart[1, 1] = apart[1, 3] = apart[7, 7] = True
    assert count_components(apart) == 3


def test_area_is_a_share():
    assert area_share(np.array([[True, False], [False, False]])) == 0.25


def test_overlap_of_empty_masks_is_full():
    empty, half = np.zeros((2, 2), bool), np.array([[True, True], [False, False]])
    assert (overlap(empty, empty), overlap(empty, half), overlap(half, half)) == (1.0, 0.0, 1.0)
    assert overlap(half, np.array([[True, False], [True, False]])) == 1 / 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"alignment": 0.49}, "unaligned"),
        ({"alignment": None}, ""),
        ({"area": 0.0019}, "area"),
        ({"area": 0.002}, ""),
        ({"area": 0.9}, ""),
        ({"area": 0.91}, "area"),
        ({"qes": 0.5}, "low-qes"),
        ({"agreement": 0.49}, "disagreement"),
        ({"agreement": None}, ""),
        ({"alignment": 0.1, "area": 0.0, "qes": 0.0, "agreement": 0.0}, "unaligned"),
        ({"area": 0.0, "qes": 0.0, "agreement": 0.0}, "area"),
        ({"qes": 0.0, "agreement": 0.0}, "low-qes"),
    ],
)
def test_the_first_gate_that_fails_is_the_reason(change, reason):
    found = verdict(Measures(**GOOD | change), Gates())
    assert found.reason == reason
    assert bool(found.message) == bool(reason)


def test_gates_of_zero_let_everything_pass():
    assert verdict(Measures(0.0, 0.0, 0.0, 0.0), Gates(0, (0, 1), 0, 0)).reason == ""


@pytest.mark.parametrize("wrong", [{"min_qes": 1.5}, {"area": (0.5, 0.1)}, {"min_alignment": float("nan")}])
def test_gates_that_nothing_can_pass_are_refused(wrong):
    with pytest.raises(UserError, match="--"):
        Gates(**wrong)
