"""Pairs that show the same in the same place are told from those that do not; on generated images alone."""

import cv2
import numpy as np
import pytest

from imlbench.errors import SampleError
from imlbench.pair_kinds import (
    MOST,
    PairKind,
    blocks,
    classify_pair,
    displacement,
    tagged,
    textured_blocks,
    unchanged_share,
)
from imlbench.samples import Sample
from imlbench.sources import BytesSource
from tests.annotating.making_pairs import encoded

HEIGHT, WIDTH = 300, 400


def scene(seed: int, height: int = HEIGHT + 80, width: int = WIDTH + 80) -> np.ndarray:
    """Noise of three scales, with a few shapes: edges all over, near and far."""
    generator = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for size, weight in ((6, 1.0), (20, 2.0), (80, 2.0)):
        small = generator.normal(0, 1, (height // size + 2, width // size + 2, 3)).astype(np.float32)
        image += weight * cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    pixels = cv2.normalize(image, None, 20, 220, cv2.NORM_MINMAX).astype(np.uint8)
    for _ in range(12):
        x, y = (int(generator.integers(0, limit)) for limit in (width, height))
        colour = [int(value) for value in generator.integers(0, 256, 3)]
        cv2.rectangle(
            pixels, (x, y), (x + int(generator.integers(10, 60)), y + int(generator.integers(10, 60))), colour, -1
        )
    return pixels


WIDE = scene(1)
PHOTO = np.ascontiguousarray(WIDE[:HEIGHT, :WIDTH])
OTHER = scene(2)[:HEIGHT, :WIDTH].copy()


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def patched() -> np.ndarray:
    edited = PHOTO.copy()
    edited[80:220, 100:280] = OTHER[80:220, 100:280]
    return edited


def new_background() -> np.ndarray:
    """Everything but a disk of a fifth of the frame is another picture."""
    keep = cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (200, 150), 90, 1, -1)
    return np.where(keep[..., np.newaxis] > 0, PHOTO, OTHER)


ALIGNED = {
    "itself": PHOTO,
    "a local edit": patched(),
    "a new background": new_background(),
    "jpeg": jpeg(PHOTO, 15),
    "an edit in jpeg": jpeg(patched(), 30),
    "blur": cv2.GaussianBlur(PHOTO, (0, 0), 2),
    "darker": (PHOTO * 0.4).astype(np.uint8),
    "gamma": (255 * (PHOTO / 255) ** 2).astype(np.uint8),
    "other colours": np.ascontiguousarray(PHOTO[:, :, ::-1]),
    "noise": np.clip(PHOTO + np.random.default_rng(3).normal(0, 12, PHOTO.shape), 0, 255).astype(np.uint8),
    "another size": cv2.resize(PHOTO, (WIDTH * 3 // 2, HEIGHT * 3 // 2), interpolation=cv2.INTER_CUBIC),
}


def zoomed(share: float) -> np.ndarray:
    top, left = int(HEIGHT * share / 2), int(WIDTH * share / 2)
    return cv2.resize(PHOTO[top : HEIGHT - top, left : WIDTH - left], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def pasted_elsewhere() -> np.ndarray:
    forged = OTHER.copy()
    forged[130:270, 200:380] = PHOTO[20:160, 30:210]
    return forged


NOT_ALIGNED = {
    "shifted by 8": WIDE[8 : 8 + HEIGHT, :WIDTH],
    "shifted by 9 and 5": WIDE[5 : 5 + HEIGHT, 9 : 9 + WIDTH],
    "shifted by 40": WIDE[:HEIGHT, 40 : 40 + WIDTH],
    "enlarged by a tenth": zoomed(0.1),
    "enlarged by a quarter": zoomed(0.25),
    "mirrored": PHOTO[:, ::-1],
    "upside down": PHOTO[::-1],
    "turned": cv2.warpAffine(PHOTO, cv2.getRotationMatrix2D((200, 150), 6, 1.1), (WIDTH, HEIGHT)),
    "another picture": OTHER,
    "a donor and what took of it": pasted_elsewhere(),
}


@pytest.mark.parametrize("name", ALIGNED)
def test_the_same_content_in_the_same_place_is_spg(name):
    found = classify_pair(PHOTO, np.ascontiguousarray(ALIGNED[name]))
    assert (found.kind, found.score >= 0.5) == (PairKind.SPG, True)


@pytest.mark.parametrize("name", NOT_ALIGNED)
def test_content_that_moved_or_is_another_is_sdg(name):
    found = classify_pair(PHOTO, np.ascontiguousarray(NOT_ALIGNED[name]))
    assert (found.kind, found.score < 0.5) == (PairKind.SDG, True)


def test_what_was_replaced_counts_for_nothing():
    scores = [classify_pair(PHOTO, ALIGNED[name]).score for name in ("itself", "a local edit", "a new background")]
    assert scores[0] == round(1 / 1.03, 6)
    assert scores[0] > scores[1] > scores[2] > 0.6


def test_a_verdict_counts_its_blocks():
    same = classify_pair(PHOTO, PHOTO)
    assert 0 < same.textured <= MOST
    assert (same.stayed, same.moved) == (same.textured, 0)
    shifted = classify_pair(PHOTO, np.ascontiguousarray(NOT_ALIGNED["shifted by 8"]))
    assert shifted.moved > 0.9 * shifted.textured
    assert str(same) == "spg 0.97"


def test_flat_pictures_are_compared_by_colour():
    grey, similar, red = (np.full((200, 200, 3), colour, np.uint8) for colour in (90, 99, (200, 30, 30)))
    half, most = grey.copy(), grey.copy()
    half[:, :100] = most[:, :180] = 200
    found = [classify_pair(grey, edited) for edited in (similar, half, most, red)]
    assert [(one.kind.value, one.textured) for one in found] == [("spg", 0), ("spg", 0), ("sdg", 0), ("sdg", 0)]
    assert (found[0].score, found[3].score) == (1.0, 0.0)
    assert 0.4 < unchanged_share(grey, half) < 0.5
    assert found[0].told == "pair kind spg 1.00: hardly any texture, compared by colour"


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 5), (15, 400), (257, 1000)])
def test_odd_shapes_have_a_verdict(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert classify_pair(pixels, pixels).kind == PairKind.SPG
    assert classify_pair(pixels, 255 - pixels).kind == PairKind.SDG


def test_images_of_another_shape_are_no_pair():
    with pytest.raises(SampleError, match="aspect ratios differ"):
        classify_pair(PHOTO, PHOTO[:, :200])


def test_blocks_cover_the_frame_and_stay_inside():
    for shape in ((256, 256), (130, 256), (20, 31)):
        found = list(blocks(shape))
        assert all(rows.stop <= shape[0] and columns.stop <= shape[1] for rows, columns in found)
        covered = np.zeros(shape, bool)
        for block in found:
            covered[block] = True
        assert covered.mean() > 0.85


def test_a_block_has_texture_where_its_place_can_be_told():
    grey = np.full((128, 128), 100, np.uint8)
    grey[:, 20:24] = 200
    assert textured_blocks(grey) == []
    grey[64:70, 60:70] = 200
    found = textured_blocks(grey)
    assert found
    assert all(rows.start <= 70 <= rows.stop + 16 for rows, _ in found)


def test_the_displacement_is_the_larger_of_the_two_ways():
    grey = cv2.cvtColor(PHOTO, cv2.COLOR_RGB2GRAY)
    moved = np.roll(grey, (2, -5), (0, 1))
    block = (slice(96, 112), slice(128, 144))
    assert displacement(grey, grey, block) == 0
    assert displacement(grey, moved, block) == 5
    assert displacement(grey, np.roll(grey, 40, 0), block) is None


def sample(edited: np.ndarray, original: np.ndarray | None = PHOTO) -> Sample:
    source = None if original is None else BytesSource("o", encoded(original))
    return Sample("s", BytesSource("e", encoded(edited)), source, tags={"editor": "x"}, scope="whole-image")


def test_a_sample_gets_its_kind_as_a_tag():
    assert tagged(sample(patched())).tags == {"editor": "x", "pair_kind": "spg"}
    assert tagged(sample(OTHER)).tags == {"editor": "x", "pair_kind": "sdg"}
    alone = sample(OTHER, None)
    assert tagged(alone) is alone
