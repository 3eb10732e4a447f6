"""The pixels' own differences: magnitudes by hand, borders, and what blur and noise leave of them."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from annotators.sigma.network.pixel_differences import pixel_channels, pixel_differences


def logarithm(levels: float) -> float:
    return math.log2(1 + levels) / 8


def test_magnitudes_by_hand():
    original = torch.zeros(1, 3, 4, 8)
    edited = original.clone()
    edited[0, 1, 1, 2] = 15 / 255
    edited[0, 2, 1, 2] = 3 / 255
    found = pixel_differences(original, edited, 4)
    assert found.shape == (1, pixel_channels(4), 1, 2)
    fine = found[0, :16, :, :]
    # The largest channel, at row 1 and column 2 of the first cell.
    assert fine[1 * 4 + 2, 0, 0].item() == pytest.approx(logarithm(15))
    assert fine.sum().item() == pytest.approx(logarithm(15))
    # The cell's mean per channel; then over 3 x 3 cells, of which two lie in the image.
    assert found[0, 16:19, 0, 0].tolist() == pytest.approx([0, logarithm(15 / 16), logarithm(3 / 16)])
    assert found[0, 19:22, 0, 1].tolist() == pytest.approx([0, logarithm(15 / 32), logarithm(3 / 32)])


def test_equal_images_give_zero_and_the_largest_change_gives_one():
    image = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    assert pixel_differences(image, image, 4).abs().max() == 0
    assert pixel_differences(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), 4).unique().tolist() == [1.0]


def test_the_border_is_repeated_and_not_darkened():
    original, edited = torch.zeros(1, 3, 5, 6), torch.full((1, 3, 5, 6), 31 / 255)
    found = pixel_differences(original, edited, 4)
    assert found.shape[2:] == (2, 2)
    torch.testing.assert_close(found, torch.full_like(found, logarithm(31)))


def test_half_precision_images_are_compared_in_full():
    image = torch.rand(1, 3, 8, 8).bfloat16()
    assert pixel_differences(image, image, 4).dtype == torch.float32


def test_averages_see_through_noise_where_pixels_do_not():
    generator = np.random.default_rng(1)
    flat = np.full((64, 64, 3), 128, np.float32)
    noisy = flat + generator.normal(0, 10, flat.shape).astype(np.float32)
    moved = flat + 10
    planes = [torch.from_numpy(image.transpose(2, 0, 1)[None] / 255) for image in (flat, noisy, moved)]
    noise, change = (pixel_differences(planes[0], other, 4) for other in planes[1:])
    assert noise[:, :16].mean() > change[:, :16].mean()
    assert noise[:, -3:].mean() < 0.3 * change[:, -3:].mean()


def test_averages_see_through_blur():
    image = np.zeros((64, 64, 3), np.float32)
    image[::4, ::4] = 255
    blurred = cv2.GaussianBlur(image, (0, 0), 3)
    before, after = (torch.from_numpy(one.transpose(2, 0, 1)[None] / 255) for one in (image, blurred))
    found = pixel_differences(before, after, 4)[:, :, 6:-6, 6:-6]
    assert found[:, :16].max() > 0.9
    assert found[:, -3:].max() < 0.1
