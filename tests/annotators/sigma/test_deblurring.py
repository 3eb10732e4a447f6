"""A blur of one whole image is found to its kernel and taken back; what is none is left alone."""

from __future__ import annotations

from unittest.mock import patch

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter

from annotators.sigma import deblurring
from annotators.sigma.annotator import SigmaLite
from annotators.sigma.blur_kernels import Kernel, kernel_between, smoothed
from annotators.sigma.deblurring import Blur, gaussian_between, sharpened, unsmoothed, whole_blur
from annotators.sigma.policy import POLICIES
from imlbench.samples import Pair
from tests.annotators.sigma.making_photographs import photograph as make


def photograph(seed: int = 0, side: int = 160) -> np.ndarray:
    return make(seed, side)


BOX = (slice(60, 100), slice(50, 110))


def edited(image: np.ndarray) -> np.ndarray:
    changed = image.copy()
    changed[BOX] = photograph(9)[:40, :60]
    return changed


def opencv(image: np.ndarray, side: int = 13) -> np.ndarray:
    return cv2.GaussianBlur(image, (side, side), 0)


def pillow(image: np.ndarray) -> np.ndarray:
    return np.asarray(PillowImage.fromarray(image).filter(ImageFilter.GaussianBlur(2.5)))


def marked(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.abs(first.astype(int) - second).max(axis=2) > 12


def f1(found: np.ndarray) -> float:
    truth = np.zeros(found.shape, bool)
    truth[BOX] = True
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


@pytest.mark.parametrize(("blur", "share"), [(opencv, 0), (pillow, 0.2)])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_outline_of_an_edit_comes_back(blur, share, swapped):
    original = photograph()
    soft = blur(edited(original))
    pair = (soft, original) if swapped else (original, soft)
    found = sharpened(*pair)
    sharp, restored = found[::-1] if swapped else found
    assert sharp is original
    assert restored.dtype == np.uint8
    blurred_alike = marked(blur(original), soft)
    assert f1(marked(restored, original)) > max(0.93, f1(blurred_alike) + 0.03)
    # Far from the edit and its rim it is the original itself, but that Pillow rounds several times.
    far = np.ones(original.shape[:2], bool)
    far[30:130, 20:140] = False
    assert (restored[far] != original[far]).any(axis=1).mean() <= share


def test_the_exact_kernel_is_found_where_a_gaussian_was_cut_off():
    original = photograph()
    for side in (7, 13, 21):
        soft = opencv(edited(original), side)
        of_edited, deviation = gaussian_between(original, soft)
        assert of_edited
        kernel = kernel_between(original, soft, deviation)
        exact = cv2.getGaussianKernel(side, 0)[:, 0]
        padded = np.pad(exact, max(0, kernel.reach - side // 2))
        middle = slice(len(padded) // 2 - kernel.reach, len(padded) // 2 + kernel.reach + 1)
        assert np.abs(kernel.weights - padded[middle]).max() < 0.004
        assert kernel.weights.sum() == pytest.approx(1, abs=1e-5)
        assert kernel.gain == pytest.approx((exact**2).sum(), abs=0.01)
        assert kernel.border == cv2.BORDER_REFLECT_101


def test_the_border_is_taken_as_the_program_did():
    original = photograph(3)
    soft = cv2.GaussianBlur(edited(original), (13, 13), 0, borderType=cv2.BORDER_REPLICATE)
    assert whole_blur(original, soft).kernel.border == cv2.BORDER_REPLICATE


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda image: image,
        edited,
        lambda image: opencv(image, 3),
        lambda image: compressed(edited(image), 60),
        lambda image: compressed(opencv(edited(image)), 50),
        lambda image: photograph(7),
        lambda image: np.zeros_like(image),
        lambda image: np.full_like(image, 90),
    ],
    ids=["same", "edit", "hardly blurred", "jpeg", "blur and jpeg", "another", "black", "flat"],
)
def test_what_is_no_blur_or_cannot_be_taken_back_is_left_alone(spoil):
    original = photograph()
    other = spoil(original)
    first, second = sharpened(original, other)
    assert first is original
    assert second is other


@pytest.mark.parametrize(("grain", "noise"), [(1, 3), (1, 5), (2, 4), (2, 5)])
def test_a_smooth_image_beside_a_noisy_one_was_not_blurred(grain, noise):
    """A blur takes the noise away, too, and so explains much of the difference."""
    generator = np.random.default_rng(4)
    waves = generator.uniform(60, 200, (6, 6, 3)).astype(np.float32)
    smooth = cv2.resize(waves, (256, 256), interpolation=cv2.INTER_CUBIC)
    original = np.rint(smooth + generator.normal(0, grain, smooth.shape)).clip(0, 255).astype(np.uint8)
    noisy = np.rint(original + generator.normal(0, noise, smooth.shape)).clip(0, 255).astype(np.uint8)
    with patch.object(deblurring, "LIKE", 1e9):
        assert whole_blur(original, noisy) is not None
    assert whole_blur(original, noisy) is whole_blur(noisy, original) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (12, 12), (40, 25)])
def test_small_images_are_left_alone_or_keep_their_size(size):
    original = photograph(side=300)[: size[0], : size[1]].copy()
    first, second = sharpened(original, opencv(edited(photograph(side=300)))[: size[0], : size[1]].copy())
    assert first.shape == second.shape == original.shape


def test_read_only_images_are_neither_changed_nor_refused():
    original, soft = photograph(), opencv(edited(photograph()))
    before = soft.copy()
    original.flags.writeable = soft.flags.writeable = False
    first, second = sharpened(original, soft)
    assert first is original
    assert second is not soft
    assert np.array_equal(soft, before)


def test_taking_back_minimises_what_it_says():
    generator = np.random.default_rng(2)
    kernel = Kernel(np.float32([0.25, 0.5, 0.25]))
    truth = np.zeros((20, 20, 3), np.float32)
    truth[5:12, 6:14] = generator.normal(0, 40, (7, 8, 3))
    wanted = smoothed(truth, kernel) + generator.normal(0, 0.3, truth.shape).astype(np.float32)

    def cost(change: np.ndarray) -> float:
        weight = deblurring.SHRINKAGE * blur.noise
        return 0.5 * ((smoothed(change, kernel) - wanted) ** 2).sum() + weight * np.linalg.norm(change, axis=2).sum()

    blur = Blur(kernel, of_edited=True, noise=0.1)
    with patch.object(deblurring, "STEPS", 2000):
        found = unsmoothed(wanted, blur)
    least = cost(found)
    assert least < cost(truth) < cost(np.zeros_like(truth))
    # It is convex: where no small step leads down, nothing does.
    for _ in range(50):
        assert cost(found + generator.normal(0, 0.5, found.shape).astype(np.float32)) > least
        assert cost(found * np.float32(generator.choice([0.99, 1.01]))) > least
    assert cost(unsmoothed(wanted, blur)) < 1.05 * least
    assert np.count_nonzero(found.any(axis=2)) < 120


def test_sigma_lite_finds_an_edit_again_that_was_blurred_with_its_image():
    assert POLICIES["sigma-lite"].undo_blur
    assert not POLICIES["sigma"].undo_blur
    original = photograph()
    lite = SigmaLite()
    sharp, soft = (
        lite.annotate([Pair("a", original, other)])[0] >= 0.5 for other in (edited(original), opencv(edited(original)))
    )
    assert f1(sharp) > 0.95
    assert f1(soft) > 0.9
