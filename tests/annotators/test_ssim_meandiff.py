"""SSIM against its formula, mean difference against plain arithmetic, and cards that import nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from annotators.meandiff import MeanDiff
from annotators.ssim import Ssim
from imlbench.samples import Pair


def images(height: int, width: int):
    generator = np.random.default_rng(3)
    original = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    edited = original.copy()
    edited[height // 3 :, width // 2 :] = generator.integers(0, 256, 3, dtype=np.uint8)
    return original, edited


def ssim_at(original, edited, row: int, column: int) -> float:
    """Equation 13 of Wang et al. 2004 over the 7 x 7 window centred at a pixel, mean of the channels."""
    values = []
    for channel in range(3):
        window = np.s_[row - 3 : row + 4, column - 3 : column + 4, channel]
        x, y = original[window].astype(float).ravel(), edited[window].astype(float).ravel()
        covariance = np.cov(x, y, ddof=1)
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        luminance = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
        values.append(luminance * (2 * covariance[0, 1] + c2) / (covariance[0, 0] + covariance[1, 1] + c2))
    return float(np.mean(values))


def test_ssim_score_is_one_minus_the_formula():
    original, edited = images(24, 30)
    (score_map,) = Ssim().annotate([Pair("one", original, edited)])
    for row, column in ((5, 5), (12, 15), (20, 26), (8, 14)):
        expected = min(max(1 - ssim_at(original, edited, row, column), 0), 1)
        assert score_map[row, column] == pytest.approx(expected, abs=1e-6)


def test_ssim_is_zero_where_nothing_changed_and_high_where_texture_was_replaced():
    original, edited = images(60, 60)
    (score_map,) = Ssim().annotate([Pair("one", original, edited)])
    assert score_map[:16].max() == 0
    assert score_map[24:, 34:].min() > Ssim.card.threshold


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 40), (40, 6), (7, 7), (6, 6)])
def test_ssim_works_below_the_size_of_its_window(shape):
    original, edited = images(*shape)
    same, changed = Ssim().annotate([Pair("same", original, original), Pair("changed", original, edited)])
    assert same.shape == changed.shape == shape
    assert same.dtype == changed.dtype == np.float32
    assert same.max() == 0
    assert 0 < changed.max() <= 1


def test_ssim_of_a_single_pixel_equals_that_of_a_flat_image_of_its_colours():
    one = Pair("one", np.full((1, 1, 3), 10, np.uint8), np.full((1, 1, 3), 240, np.uint8))
    flat = Pair("flat", np.full((9, 9, 3), 10, np.uint8), np.full((9, 9, 3), 240, np.uint8))
    small, large = Ssim().annotate([one, flat])
    assert np.array_equal(np.broadcast_to(small, large.shape), large)


def test_meandiff_is_the_mean_of_the_channels_over_255():
    original, edited = images(12, 17)
    (score_map,) = MeanDiff().annotate([Pair("one", original, edited)])
    expected = np.abs(edited.astype(float) - original).mean(axis=2) / 255
    assert score_map.dtype == np.float32
    assert np.allclose(score_map, expected, atol=1e-7)


def test_meandiff_decides_as_strictly_above_five_percent_for_every_possible_sum():
    totals = np.arange(766)
    channels = np.stack(
        [np.minimum(totals, 255), np.clip(totals - 255, 0, 255), np.clip(totals - 510, 0, 255)], axis=-1
    )
    edited = channels.astype(np.uint8)[np.newaxis]
    (score_map,) = MeanDiff().annotate([Pair("all", np.zeros_like(edited), edited)])
    marked = score_map[0] >= np.float32(MeanDiff.card.threshold)
    # In whole numbers: total / 765 > 5 / 100.
    assert np.array_equal(marked, totals * 100 > 5 * 765)


def test_reading_the_cards_imports_nothing_heavy():
    code = (
        "import sys, annotators.meandiff, annotators.pixdiff, annotators.ssim\n"
        "heavy = {'numpy', 'cv2', 'skimage', 'scipy', 'torch'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
