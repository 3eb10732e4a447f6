import cv2
import numpy as np
import pytest

from imlbench.annotating.alignment import alignment, changed_share, small_copy
from tests.annotating.making_pairs import photograph

NOTHING = np.zeros((300, 300), bool)
PHOTO = photograph(0, 320)


def crop(by: int) -> np.ndarray:
    return np.ascontiguousarray(PHOTO[10 + by : 310 + by, 10 + by : 310 + by])


def score(edited: np.ndarray, mask: np.ndarray = NOTHING) -> float | None:
    return alignment(small_copy(crop(0)), small_copy(edited), mask)


def test_a_shift_lowers_the_alignment():
    scores = [score(crop(by)) for by in (0, 1, 4)]
    assert scores[0] == 1.0
    assert 0.3 < scores[1] < 0.95
    assert scores[2] < 0.2


def test_brightness_contrast_and_noise_hardly_matter():
    darker = (crop(0) * 0.6).astype(np.uint8)
    noisy = np.clip(crop(0) + np.random.default_rng(0).normal(0, 10, (300, 300, 3)), 0, 255).astype(np.uint8)
    assert min(score(darker), score(noisy)) > 0.9


def test_what_lies_within_the_mask_does_not_count():
    edited, mask = crop(0).copy(), NOTHING.copy()
    edited[50:200, 50:250] = photograph(9, 320)[:150, :200]
    mask[50:200, 50:250] = True
    assert score(edited) < 0.9
    assert score(edited, mask) == 1.0


def test_no_alignment_is_told_where_hardly_anything_lies_outside():
    mask = np.ones((300, 300), bool)
    mask[:10] = False
    assert score(crop(0), mask) is None


def test_no_alignment_is_told_of_images_without_edges():
    flat = np.full((300, 300, 3), 90, np.uint8)
    assert alignment(small_copy(flat), small_copy(crop(0)), NOTHING) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 3), (257, 256), (513, 700)])
def test_odd_shapes_pass(shape):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    small = small_copy(pixels)
    assert max(small.shape[:2]) <= 256
    assert alignment(small, small, np.zeros(shape, bool)) in (None, 1.0)
    assert changed_share(small, small) == 0.0


def test_changed_share_sees_a_change_everywhere_and_no_noise():
    darker = (crop(0) * 0.5).astype(np.uint8)
    noisy = cv2.add(crop(0), np.random.default_rng(0).integers(0, 8, (300, 300, 3), dtype=np.uint8))
    assert changed_share(small_copy(crop(0)), small_copy(darker)) > 0.95
    assert changed_share(small_copy(crop(0)), small_copy(noisy)) == 0.0
