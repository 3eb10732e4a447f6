"""Blur between two images: found, on whichever side, despite edits; nothing is found where there is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from annotators.sigma.network.blur_matching import blur_between, blurred, matched
from tests.annotators.sigma.making_photographs import photograph


def edited(image: np.ndarray) -> np.ndarray:
    """A quarter of the frame is another picture."""
    changed = image.copy()
    changed[20:84, 30:94] = photograph(9)[:64, :64]
    return changed


def planes(*images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def gaussian(image: np.ndarray, deviation: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("deviation", [0.8, 1.5, 3.0, 6.0])
def test_a_blur_of_either_image_is_found_despite_an_edit(deviation):
    sharp, other = photograph(), edited(photograph())
    found = blur_between(planes(sharp, gaussian(sharp, deviation)), planes(gaussian(other, deviation), other))
    assert found.original[0].item() == pytest.approx(deviation, rel=0.15)
    assert found.edited[1].item() == pytest.approx(deviation, rel=0.15)
    assert found.edited[0] == found.original[1] == 0


@pytest.mark.parametrize("change", ["edit", "everything", "tone", "nothing"])
def test_what_is_no_blur_is_left_alone(change):
    sharp = photograph()
    other = {
        "edit": edited(sharp),
        "everything": photograph(5),
        "tone": np.clip(sharp * 0.9 + 12, 0, 255).astype(np.uint8),
        "nothing": sharp,
    }[change]
    before, after = planes(sharp), planes(other)
    first, second = matched(before, after)
    assert torch.equal(first, before)
    assert torch.equal(second, after)


def test_matching_leaves_the_edit_alone_standing():
    sharp = photograph()
    before, after = matched(planes(sharp), planes(gaussian(edited(sharp), 3.0)))
    change = 255 * (before - after).abs().amax(1)[0]
    outside = torch.ones(128, 128, dtype=torch.bool)
    outside[10:94, 20:104] = False
    assert change[outside].quantile(0.95) < 4
    assert change[40:64, 50:74].mean() > 10


def test_a_gaussian_equals_opencvs():
    image = photograph(2)
    found = blurred(planes(image, image), torch.tensor([0.0, 2.0]))
    assert torch.equal(found[0], planes(image)[0])
    wanted = cv2.GaussianBlur(image.astype(np.float32), (13, 13), 2.0, borderType=cv2.BORDER_REPLICATE)
    assert np.abs(found[1].permute(1, 2, 0).numpy() * 255 - wanted).max() < 0.01


def test_a_pair_does_not_depend_on_its_batch():
    one, two = photograph(), photograph(1)
    before, after = planes(one, two), planes(gaussian(edited(one), 2.0), gaussian(edited(two), 5.0))
    together = matched(before, after)
    alone = matched(before[1:], after[1:])
    for whole, part in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[1:], part)


def test_half_precision_around_it_changes_nothing():
    before, after = planes(photograph()), planes(gaussian(photograph(), 2.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = matched(before, after)
    assert torch.equal(found[0], matched(before, after)[0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2)])
def test_tiny_images_pass(shape):
    first = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(0))
    found = matched(first, first.flip(1))
    assert found[0].shape == first.shape
    assert found[0].isfinite().all()
