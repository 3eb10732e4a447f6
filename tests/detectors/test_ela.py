"""Error level analysis: it finds a splice by its other compression, and takes images of every size."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from detectors.ela import PIECES, ErrorLevelAnalysis, compression_errors, unusual_errors
from imlbench.adapters import Picture
from imlbench.conformance import check_detector

BOX = (slice(60, 130), slice(90, 190))


def texture(shape=(192, 256), seed=0):
    """H x W x 3 uint8: soft clouds with grain."""
    rng = np.random.default_rng(seed)
    clouds = cv2.GaussianBlur(rng.random((*shape, 3)), (0, 0), 3)
    clouds = (clouds - clouds.mean()) * 1500 + 128 + rng.normal(0, 6, (*shape, 3))
    return np.clip(clouds, 0, 255).astype(np.uint8)


def compressed(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def scores_of(pixels):
    return ErrorLevelAnalysis().detect([Picture("x", pixels)])[0].score_map


def test_conforms():
    report = check_detector(ErrorLevelAnalysis, name="ela")
    assert report.passed, str(report)


def test_a_region_that_was_never_compressed_stands_out_of_a_compressed_image():
    clean = texture()
    background = compressed(clean, 60)
    spliced = background.copy()
    spliced[BOX] = clean[BOX][:, ::-1]
    marked = scores_of(spliced) >= ErrorLevelAnalysis.card.threshold
    inside = np.zeros(marked.shape, bool)
    inside[BOX] = True
    assert (marked & inside).sum() / (marked | inside).sum() > 0.6
    assert (scores_of(background) >= ErrorLevelAnalysis.card.threshold).mean() < 0.01


def test_an_image_without_any_texture_raises_no_alarm():
    assert scores_of(np.full((50, 70, 3), 130, np.uint8)).max() < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (17, 500)])
def test_images_smaller_than_the_window_have_a_map_of_their_size(shape):
    found = scores_of(texture(shape))
    assert found.shape == shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_images_longer_than_jpeg_can_be_are_compressed_in_pieces_of_whole_blocks():
    wide = np.tile(texture((16, 512)), (1, 130, 1))
    assert wide.shape[1] > 65_500
    assert len(PIECES.tiles(*wide.shape[:2])) == 3
    errors = compression_errors(wide)
    part = compression_errors(wide[:, :512])
    np.testing.assert_array_equal(errors[:, :500], part[:, :500])
    np.testing.assert_array_equal(errors[:, PIECES.side + 8 : PIECES.side + 500], part[:, 8:500])
    assert unusual_errors(wide).shape == wide.shape[:2]
