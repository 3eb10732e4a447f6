"""JPEG, WebP, noise, blur, resizing and sharing against their definitions."""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from imlbench.errors import Reason, SampleError, UserError
from imlbench.perturb import Condition
from imlbench.perturbations import resize
from imlbench.perturbations.compression import Jpeg, WebP
from imlbench.perturbations.filters import Blur
from imlbench.perturbations.noise import Noise, gaussian
from imlbench.perturbations.resize import Resize
from imlbench.perturbations.social import STATIONS, SocialNetwork, Station, upload
from tests.making_sets import photo


def generator():
    return np.random.default_rng(0)


def smooth(height, width):
    """A picture without noise, whose three channels differ."""
    rows, columns = np.mgrid[:height, :width]
    waves = [100 + 80 * np.sin(rows / 9), 100 + 80 * np.cos(columns / 7), 60 + 50 * np.sin((rows + columns) / 11)]
    return np.stack(waves, axis=2).astype(np.uint8)


def opencv_jpeg(image, quality):
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]
    data = cv2.imencode(".jpg", image[..., ::-1], options)[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], data.tobytes()


class TestJpeg:
    @pytest.mark.parametrize("quality", [100, 90, 80, 70, 60, 50, 1])
    @pytest.mark.parametrize("shape", [(48, 40), (17, 23), (1, 1)])
    def test_every_pixel_is_opencvs_at_4_2_0(self, quality, shape):
        image = photo(3, shape)
        expected, data = opencv_jpeg(image, quality)
        assert np.array_equal(Jpeg().apply(image, quality, generator()), expected)
        # Two samples by two per chroma sample, in the frame header of the first component.
        assert data[data.index(b"\xff\xc0") + 11] == 0x22

    def test_the_colour_is_subsampled(self):
        image = np.zeros((16, 16, 3), np.uint8)
        image[:, ::2] = (255, 0, 0)
        image[:, 1::2] = (0, 0, 255)
        options = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
        full = cv2.imdecode(cv2.imencode(".jpg", image, options)[1], cv2.IMREAD_COLOR)
        ours = Jpeg().apply(image, 100, generator())
        assert np.abs(ours.astype(int) - image).mean() > 10 + np.abs(full.astype(int) - image).mean()


class TestWebP:
    @pytest.mark.parametrize("quality", [100, 50, 1])
    def test_is_pillows_lossy_encoder(self, quality):
        image = photo(2, (40, 48))
        buffer = io.BytesIO()
        PillowImage.fromarray(image).save(buffer, "WEBP", quality=quality)
        # The chunk of lossy data; lossless data is in a chunk "VP8L".
        assert buffer.getvalue()[12:16] == b"VP8 "
        expected = np.asarray(PillowImage.open(buffer).convert("RGB"))
        assert np.array_equal(WebP().apply(image, quality, generator()), expected)

    def test_channels_keep_their_places(self):
        image = smooth(64, 64)
        error = np.abs(WebP().apply(image, 100, generator()).astype(int) - image)
        assert error.mean() < 3
        assert np.abs(WebP().apply(image, 100, generator()).astype(int) - image[..., ::-1]).mean() > 20


class TestNoise:
    @pytest.mark.parametrize("variance", [0.5, 5, 25, 400])
    def test_sample_variance_before_rounding_is_within_one_per_cent(self, variance):
        values = gaussian((600, 600, 3), variance, generator())
        assert values.dtype == np.float32
        assert values.var(dtype=np.float64) == pytest.approx(variance, rel=0.01)
        assert abs(values.mean(dtype=np.float64)) < 0.01 * variance**0.5
        channels = np.corrcoef(values.reshape(-1, 3).T)
        assert np.abs(channels - np.eye(3)).max() < 0.01

    @pytest.mark.parametrize("variance", [5, 25, 100])
    def test_on_grey_it_is_that_noise_rounded(self, variance):
        image = np.full((600, 600, 3), 128, np.uint8)
        change = Noise().apply(image, variance, generator()).astype(float) - 128
        assert np.array_equal(change, np.rint(gaussian(image.shape, variance, generator()) + 128) - 128)
        # Rounding to whole levels adds the variance of a uniform error, 1 / 12.
        assert change.var() == pytest.approx(variance + 1 / 12, rel=0.01)

    def test_is_clipped_not_wrapped(self):
        black, white = (np.full((64, 64, 3), level, np.uint8) for level in (0, 255))
        assert Noise().apply(black, 25, generator()).max() < 64
        assert Noise().apply(white, 25, generator()).min() > 192


class TestBlur:
    @pytest.mark.parametrize("side", [1, 3, 5, 7, 9, 11, 13, 23])
    def test_is_opencvs_formula(self, side):
        image = photo(1, (40, 48))
        sigma = 0.3 * ((side - 1) / 2 - 1) + 0.8
        assert np.array_equal(Blur().apply(image, side, generator()), cv2.GaussianBlur(image, (side, side), sigma))
        kernel = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * sigma**2))
        kernel /= kernel.sum()
        expected = cv2.sepFilter2D(image.astype(np.float64), -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
        assert np.abs(Blur().apply(image, side, generator()) - expected).max() <= 1


class TestResize:
    @pytest.mark.parametrize(
        ("factor", "there", "back"),
        [
            (0.5, cv2.INTER_AREA, cv2.INTER_CUBIC),
            (0.75, cv2.INTER_AREA, cv2.INTER_CUBIC),
            (1.25, cv2.INTER_CUBIC, cv2.INTER_AREA),
        ],
    )
    def test_area_down_bicubic_up_and_back_to_the_size(self, factor, there, back):
        image = photo(1, (41, 30))
        size = (round(30 * factor), round(41 * factor))
        expected = cv2.resize(cv2.resize(image, size, interpolation=there), (30, 41), interpolation=back)
        assert np.array_equal(Resize().apply(image, factor, generator()), expected)

    def test_factor_one_changes_nothing_and_small_factors_leave_a_pixel(self):
        image = photo(1, (9, 4))
        assert np.array_equal(Resize().apply(image, 1, generator()), image)
        assert (Resize().apply(image, 0.1, generator()) == Resize().apply(image, 0.1, generator())[0, 0]).all()

    def test_half_the_size_loses_detail_and_does_not_shift(self):
        image = smooth(96, 128)
        error = np.abs(Resize().apply(image, 0.5, generator()).astype(int) - image)[4:-4, 4:-4]
        shifted = np.abs(np.roll(image, 1, axis=1).astype(int) - image)[4:-4, 4:-4]
        assert 0 < error.mean() < shifted.mean() / 4

    def test_an_enlargement_beyond_the_limit_fails_the_sample(self, monkeypatch):
        monkeypatch.setattr(resize, "MAX_PIXELS", 1000)
        with pytest.raises(SampleError, match="resize: works on at most 1000 pixels at once, here 80 x 40") as caught:
            Resize().apply(photo(0, (10, 20)), 4, generator())
        assert caught.value.reason is Reason.TOO_LARGE


class TestSocialNetwork:
    def test_one_upload_of_a_small_picture_is_sharpening_and_jpeg(self):
        image = smooth(40, 56)
        blurred = cv2.GaussianBlur(image, (0, 0), 1.0)
        expected = opencv_jpeg(cv2.addWeighted(image, 1.25, blurred, -0.25, 0), 85)[0]
        assert np.array_equal(SocialNetwork().apply(image, 1, generator()), expected)

    def test_uploads_are_chained_and_get_stricter(self):
        image = smooth(40, 56)
        twice = upload(upload(image, STATIONS[0]), STATIONS[1])
        assert np.array_equal(SocialNetwork().apply(image, 2, generator()), twice)
        assert list(STATIONS) == sorted(STATIONS, reverse=True)

    @pytest.mark.parametrize("shape", [(30, 200), (200, 30)])
    def test_the_long_side_is_limited_and_the_aspect_kept(self, shape):
        small = upload(smooth(*shape), Station(100, 90))
        assert sorted(small.shape[:2]) == [15, 100]

    def test_a_large_picture_comes_back_at_its_size(self):
        image = smooth(60, 2400)
        result = SocialNetwork().apply(image, 4, generator())
        assert result.shape == image.shape
        assert np.abs(result.astype(int) - image).mean() < 20


BAD = {
    Jpeg: [0, 101, 50.5, -1, math.nan, math.inf],
    WebP: [0, 101, 50.5, -1, math.nan, math.inf],
    Noise: [0, -1, 70_000, math.nan, math.inf],
    Blur: [0, 2, 4, 3.5, -3, 257, math.nan, math.inf],
    Resize: [0, 0.05, 4.5, -1, math.nan, math.inf],
    SocialNetwork: [0, 5, 1.5, -1, math.nan, math.inf],
}


@pytest.mark.parametrize(
    ("perturbation", "severity"), [(kind, severity) for kind, severities in BAD.items() for severity in severities]
)
def test_a_condition_refuses_severities_without_meaning(perturbation, severity):
    with pytest.raises(UserError, match=rf"^{perturbation.card.name}: severity is .*, found {severity:g}$"):
        Condition(perturbation(), severity)
