import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from reports.page.thumbnails import FAINT, PREDICTION, STRONG, TRUTH, fitted_shape, map_picture, mask_picture, opacity
from reports.page.thumbnails import photograph as encode_photograph
from tests.making_sets import photo
from tests.reports.making_results import make_run

RUN = replace(make_run(), threshold=0.5)


def rgba(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((100, 200), (100, 200)), ((400, 800), (160, 320)), ((800, 400, 3), (320, 160)), ((1, 5000), (1, 320))],
)
def test_pictures_are_reduced_and_never_enlarged(shape, expected):
    assert fitted_shape(shape, 320) == expected


def test_a_photograph_is_a_webp_that_looks_like_it():
    pixels = np.broadcast_to(np.linspace(0, 255, 640).astype(np.uint8)[None, :, None], (480, 640, 3))
    image = Image.open(io.BytesIO(encode_photograph(pixels, 320)))
    assert (image.format, image.size) == ("WEBP", (320, 240))
    reduced = pixels[::2, ::2].astype(int)
    assert np.abs(np.asarray(image).astype(int) - reduced).mean() < 3


def test_a_mask_is_one_colour_where_it_marks_and_clear_elsewhere():
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:7] = True
    found = rgba(mask_picture(mask, 320))
    assert (found[..., :3] == TRUTH).all()
    assert ((found[..., 3] == 255) == mask).all()
    assert ((found[..., 3] == 0) == ~mask).all()


def test_a_reduced_mask_tells_the_marked_share_by_its_opacity():
    mask = np.zeros((640, 640), bool)
    mask[:, :321] = True
    found = rgba(mask_picture(mask, 320))
    assert found.shape == (320, 320, 4)
    assert (found[:, :160, 3] == 255).all()
    assert 100 < found[0, 160, 3] < 155
    assert (found[:, 161:, 3] == 0).all()


def test_a_score_map_shows_the_decision_and_how_near_it_was():
    scores = np.array([[0.0, 0.25, 0.4999, 0.5, 0.75, 1.0]], np.float32)
    found = opacity(scores, RUN)[0]
    assert found.tolist() == pytest.approx([0, FAINT / 2, FAINT, STRONG, (1 + STRONG) / 2, 1], abs=1e-3)
    assert (rgba(map_picture(scores, RUN, 320))[..., :3] == PREDICTION).all()


def test_levels_are_marked_as_they_were_counted():
    run = replace(RUN, threshold=20 / 255)
    found = opacity(np.array([[0, 19, 20, 255]], np.uint8), run)[0]
    assert found[1] <= FAINT < STRONG <= found[2]
    assert (found[0], found[3]) == (0, 1)


def test_a_hard_decision_is_opaque_or_clear():
    assert opacity(np.array([[True, False]]), RUN).tolist() == [[1, 0]]


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, [STRONG, 1]), (1.0, [0, STRONG])])
def test_thresholds_at_the_ends_divide_by_nothing(threshold, expected):
    with np.errstate(all="raise"):
        found = opacity(np.array([[0, 1]], np.float32), replace(RUN, threshold=threshold))
    assert found[0].tolist() == pytest.approx(expected)


def test_the_same_picture_gives_the_same_bytes():
    assert encode_photograph(photo(1), 16) == encode_photograph(photo(1), 16)
    scores = np.random.default_rng(0).random((40, 50), np.float32)
    assert map_picture(scores, RUN, 32) == map_picture(scores, RUN, 32)
