"""Perturbations against their definitions, and conditions that are checked when they are made."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from imlbench import registry
from imlbench.errors import UserError
from imlbench.perturb import CLEAN, Blur, Condition, Jpeg, Noise, keyed_generator
from tests.making_sets import photo


def generator():
    return np.random.default_rng(0)


@pytest.mark.parametrize("quality", [100, 90, 50, 1])
@pytest.mark.parametrize("shape", [(48, 40), (17, 23), (1, 1)])
def test_jpeg_is_opencvs_at_4_2_0(quality, shape):
    image = photo(3, shape)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]
    data = cv2.imencode(".jpg", image[..., ::-1], options)[1]
    expected = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(Jpeg().apply(image, quality, generator()), expected)
    # Two samples by two per chroma sample, in the frame header of the first component.
    frame = data.tobytes().index(b"\xff\xc0")
    assert data[frame + 11] == 0x22


def test_jpeg_subsamples_the_colour():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, ::2] = (255, 0, 0)
    image[:, 1::2] = (0, 0, 255)
    full = cv2.imdecode(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111])[1],
        cv2.IMREAD_COLOR,
    )
    ours = Jpeg().apply(image, 100, generator())
    assert np.abs(ours.astype(int) - image).mean() > 10 + np.abs(full.astype(int) - image).mean()


@pytest.mark.parametrize("variance", [5, 25, 100])
def test_noise_has_its_variance(variance):
    image = np.full((600, 600, 3), 128, np.uint8)
    change = Noise().apply(image, variance, generator()).astype(float) - 128
    # Rounding to whole levels adds the variance of a uniform error, 1 / 12.
    assert change.var() == pytest.approx(variance + 1 / 12, rel=0.01)
    assert abs(change.mean()) < 0.05
    channels = np.corrcoef(change.reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 0.02


def test_noise_is_clipped_not_wrapped():
    black, white = (np.full((64, 64, 3), level, np.uint8) for level in (0, 255))
    assert Noise().apply(black, 25, generator()).max() < 64
    assert Noise().apply(white, 25, generator()).min() > 192


@pytest.mark.parametrize("side", [1, 3, 5, 7, 9, 11, 13])
def test_blur_is_opencvs_formula(side):
    image = photo(1, (40, 48))
    sigma = 0.3 * ((side - 1) * 0.5 - 1) + 0.8
    kernel = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    expected = cv2.sepFilter2D(image.astype(np.float64), -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
    assert np.abs(Blur().apply(image, side, generator()) - expected).max() <= 1
    assert np.array_equal(Blur().apply(image, side, generator()), cv2.GaussianBlur(image, (side, side), sigma))


@pytest.mark.parametrize("perturbation", [Jpeg(), Noise(), Blur()])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 5)])
def test_size_and_type_stay_and_the_input_is_left_alone(perturbation, shape):
    image = photo(0, shape)
    image.flags.writeable = False
    for severity in perturbation.severities:
        result = perturbation.apply(image, severity, generator())
        assert (result.shape, result.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, photo(0, shape))


@pytest.mark.parametrize("name", ["jpeg", "noise", "blur"])
def test_they_are_registered_with_valid_defaults_in_the_cards_order(name):
    perturbation = registry.resolve("perturbations", name).load()()
    assert perturbation.card.name == name
    for severity in perturbation.severities:
        perturbation.check(severity)


BAD = {
    Jpeg: [0, 101, 50.5, -1, math.nan, math.inf],
    Noise: [0, -1, 70_000, math.nan, math.inf],
    Blur: [0, 2, 4, 3.5, -3, 257, math.nan, math.inf],
}


@pytest.mark.parametrize(
    ("perturbation", "severity"), [(kind, severity) for kind, severities in BAD.items() for severity in severities]
)
def test_a_condition_refuses_severities_without_meaning(perturbation, severity):
    with pytest.raises(UserError, match=rf"^{perturbation.card.name}: severity is .*, found {severity:g}$"):
        Condition(perturbation(), severity)


def test_a_condition_needs_a_severity_and_a_known_target():
    with pytest.raises(UserError, match="jpeg: give a severity; usual ones: 100, 90, 80, 70, 60, 50"):
        Condition(Jpeg())
    with pytest.raises(UserError, match="target: expected one of edited, both, found 'original'"):
        Condition(Jpeg(), 50, "original")


def test_clean_touches_nothing():
    image = photo()
    assert CLEAN.apply(image, "edited", "a", 0) is image
    assert (CLEAN.name, CLEAN.seeded, CLEAN.severity) == ("", False, None)


def test_edited_spares_the_original_and_results_are_read_only():
    image = photo()
    condition = Condition(Blur(), 3)
    assert condition.apply(image, "original", "a", 0) is image
    blurred = condition.apply(image, "edited", "a", 0)
    assert not blurred.flags.writeable
    assert (Condition(Blur(), 3, "both").apply(image, "original", "a", 0) == blurred).all()


def test_noise_depends_on_seed_sample_severity_and_role_alone():
    def draw(seed=0, sample="a", severity=5.0, role="edited"):
        image = np.full((8, 8, 3), 100, np.uint8)
        return Condition(Noise(), severity, "both").apply(image, role, sample, seed).tobytes()

    assert draw() == draw() == draw(severity=5)
    others = [draw(seed=1), draw(sample="b"), draw(severity=6.0), draw(role="original")]
    assert len({draw(), *others}) == 5


def test_the_generator_is_the_same_on_every_machine():
    drawn = keyed_generator(0, "a", "noise", 5.0, "edited").integers(0, 1000, 5).tolist()
    assert drawn == [725, 446, 325, 742, 443]
