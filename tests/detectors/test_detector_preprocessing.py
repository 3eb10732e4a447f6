"""What each network is shown, against values worked out by hand from its authors' rules."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import arrays
from detectors.iml_vit import preprocessing as iml_vit
from detectors.mesorch.detector import Mesorch
from detectors.mvss_net import preprocessing as mvss_net
from detectors.mvss_net.detector import MvssNetBenco
from detectors.pscc_net import preprocessing as pscc_net
from detectors.pscc_net.detector import PsccNetBenco
from detectors.sparse_vit.detector import SparseVit
from detectors.trufor import preprocessing as trufor
from detectors.trufor.detector import TruForBenco
from tests.detectors.making_networks import jpeg_picture

RED, GREEN, BLUE = 200, 100, 50
NORMAL = {
    # ((value / 255) - mean) / deviation, by hand.
    "red as red": (200 / 255 - 0.485) / 0.229,
    "green as green": (100 / 255 - 0.456) / 0.224,
    "blue as blue": (50 / 255 - 0.406) / 0.225,
    "blue as red": (50 / 255 - 0.485) / 0.229,
    "red as blue": (200 / 255 - 0.406) / 0.225,
}


def flat(height: int, width: int) -> np.ndarray:
    """One colour: resizing leaves it as it is."""
    return np.full((height, width, 3), (RED, GREEN, BLUE), np.uint8)


def colours(planes: np.ndarray, row: int = 0, column: int = 0) -> list[float]:
    return [float(plane[row, column]) for plane in planes]


class TestMvssNet:
    def test_the_authors_see_blue_green_red_under_the_statistics_of_red_green_blue(self):
        seen = mvss_net.official_input(flat(30, 70))
        assert seen.shape == (3, 512, 512)
        assert seen.dtype == np.float32
        expected = [NORMAL["blue as red"], NORMAL["green as green"], NORMAL["red as blue"]]
        assert colours(seen, 511, 3) == pytest.approx(expected, abs=1e-5)

    def test_benco_sees_red_green_blue(self):
        expected = [NORMAL["red as red"], NORMAL["green as green"], NORMAL["blue as blue"]]
        assert colours(MvssNetBenco.prepared(flat(30, 70))) == pytest.approx(expected, abs=1e-5)

    def test_resizing_is_bilinear_without_smoothing(self):
        stripes = np.zeros((1024, 1024, 3), np.uint8)
        stripes[:, ::4] = 255
        # Two by two to one: pixels 0 and 1 give 127.5, pixels 2 and 3 give 0.
        seen = arrays.resized_pixels(stripes, 512, 512)
        assert seen[5, :4, 0].tolist() in ([128, 0, 128, 0], [127, 0, 127, 0])

    def test_maps_are_cut_to_bytes_before_they_are_resized(self):
        scores = np.full((512, 512), 0.4999, np.float32)
        found = mvss_net.official_map(scores, (30, 70))
        assert found.dtype == np.uint8
        assert found.shape == (30, 70)
        # 0.4999 x 255 = 127.47, cut to 127.
        assert set(found.ravel().tolist()) == {127}

    def test_bencos_maps_keep_their_fractions(self):
        found = MvssNetBenco.finished(np.full((512, 512), 0.4999, np.float32), (30, 70))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, 0.4999, atol=1e-6)


class TestTruFor:
    def test_values_are_divided_by_256_without_mean_or_deviation(self):
        seen = trufor.official_input(flat(48, 37))
        assert seen.shape == (3, 48, 37)
        assert colours(seen, 47, 36) == [RED / 256, GREEN / 256, BLUE / 256]

    def test_a_jpegs_pixels_one_by_one(self):
        pixels = jpeg_picture().pixels
        np.testing.assert_array_equal(trufor.official_input(pixels), pixels.transpose(2, 0, 1) / np.float32(256))

    def test_a_tiny_picture_is_continued_by_its_mirror_image(self):
        pixels = jpeg_picture().pixels[:20, :33]
        seen = trufor.official_input(pixels)
        assert seen.shape == (3, 32, 33)
        np.testing.assert_array_equal(seen[:, 20:32], seen[:, 19:7:-1])
        assert trufor.official_input(pixels[:1, :1]).shape == (3, 32, 32)

    def test_benco_normalises_before_the_network_does(self):
        seen = TruForBenco.prepared(flat(48, 37))
        assert seen.shape == (3, 512, 512)
        expected = [NORMAL["red as red"], NORMAL["green as green"], NORMAL["blue as blue"]]
        assert colours(seen) == pytest.approx(expected, abs=1e-5)


class TestPsccNet:
    def test_values_are_divided_by_255_at_their_own_size(self):
        seen = pscc_net.official_input(flat(5, 9))
        assert seen.shape == (3, 5, 9)
        assert colours(seen) == pytest.approx([RED / 255, GREEN / 255, BLUE / 255], abs=1e-7)

    def test_benco_resizes_to_256_and_normalises(self):
        seen = PsccNetBenco.prepared(flat(5, 9))
        assert seen.shape == (3, 256, 256)
        assert colours(seen)[0] == pytest.approx(NORMAL["red as red"], abs=1e-5)


class TestImlVit:
    def test_smaller_pictures_lie_in_the_upper_left_of_black(self):
        seen = iml_vit.official_input(flat(600, 900))
        assert seen.shape == (3, 1024, 1024)
        expected = [NORMAL["red as red"], NORMAL["green as green"], NORMAL["blue as blue"]]
        assert colours(seen, 599, 899) == pytest.approx(expected, abs=1e-5)
        # Black is normalised like any colour: -0.485 / 0.229, not 0.
        assert colours(seen, 600, 899) == pytest.approx([-2.117904, -2.035714, -1.804444], abs=1e-5)
        assert colours(seen, 599, 900) == pytest.approx([-2.117904, -2.035714, -1.804444], abs=1e-5)

    def test_larger_pictures_are_shrunk_and_not_cut(self):
        assert iml_vit.shown_size((1400, 1600, 3)) == (896, 1024)
        assert iml_vit.shown_size((1024, 1024)) == (1024, 1024)
        assert iml_vit.shown_size((9000, 2)) == (1024, 1)
        pixels = np.zeros((1400, 1600, 3), np.uint8)
        pixels[1300:, 1500:] = 255
        seen = iml_vit.official_input(pixels)
        assert seen[0, 895, 1023] == pytest.approx((1 - 0.485) / 0.229, abs=1e-5)
        assert seen[0, 896:].max() == pytest.approx(-2.117904, abs=1e-5)

    def test_the_padding_is_cut_from_the_map(self):
        scores = np.zeros((1024, 1024), np.float32)
        scores[600:] = 1
        scores[:, 900:] = 1
        assert iml_vit.official_map(scores, (600, 900)).max() == 0
        assert iml_vit.official_map(scores, (600, 900)).shape == (600, 900)

    def test_the_map_of_a_shrunk_picture_is_enlarged_again(self):
        scores = np.zeros((1024, 1024), np.float32)
        scores[:896, 512:] = 1
        found = iml_vit.official_map(scores, (1400, 1600))
        assert found.shape == (1400, 1600)
        assert found[:, :790].max() == 0
        assert found[:, 810:].min() == 1


@pytest.mark.parametrize("kind", [SparseVit, Mesorch])
class TestSquares:
    def test_pictures_are_seen_at_512_with_imagenets_statistics(self, kind):
        seen = kind.prepared(flat(700, 300))
        assert seen.shape == (3, 512, 512)
        expected = [NORMAL["red as red"], NORMAL["green as green"], NORMAL["blue as blue"]]
        assert colours(seen, 511, 511) == pytest.approx(expected, abs=1e-5)

    def test_maps_are_brought_to_the_pictures_size(self, kind):
        scores = np.zeros((512, 512), np.float32)
        scores[:256] = 1
        found = kind.finished(scores, (100, 7))
        assert found.shape == (100, 7)
        assert found[:49].min() == 1
        assert found[51:].max() == 0
