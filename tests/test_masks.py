"""Mask rules and their polarity, and fitting a mask to its image."""

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from imlbench.errors import Reason, SampleError
from imlbench.masks import MEAN, NONZERO, TRANSPARENT, WHITE, MaskRule, decode_mask, fit_mask

SHAPE = (6, 9)


def encoded(image, form="PNG", **options):
    if isinstance(image, np.ndarray):
        image = PillowImage.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def region():
    """True in the lower left part."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[2:, :4] = True
    return mask


def painted(inside, outside):
    """RGB image with one colour inside the region and another outside."""
    return np.where(region()[:, :, np.newaxis], np.uint8(inside), np.uint8(outside))


def test_white_marks_the_bright_part():
    np.testing.assert_array_equal(decode_mask(encoded(painted([255] * 3, [0] * 3)), "m", WHITE), region())
    np.testing.assert_array_equal(decode_mask(encoded(painted([0] * 3, [255] * 3)), "m", WHITE), ~region())


@pytest.mark.parametrize(("rule", "first"), [(WHITE, 128), (NONZERO, 1), (MEAN, 128)])
def test_the_threshold_is_exclusive(rule, first):
    ramp = np.arange(256, dtype=np.uint8)[np.newaxis]
    expected = np.arange(256)[np.newaxis] >= first
    for image in (ramp, np.dstack([ramp] * 3)):
        np.testing.assert_array_equal(decode_mask(encoded(image), "m", rule), expected)


@pytest.mark.parametrize("level", [1, 2, 64, 127])
def test_nonzero_keeps_the_dark_values_that_white_loses(level):
    for channel in range(3):
        colour = [0, 0, 0]
        colour[channel] = level
        data = encoded(painted(colour, [0] * 3))
        np.testing.assert_array_equal(decode_mask(data, "m", NONZERO), region())
        assert not decode_mask(data, "m", WHITE).any()


def test_mean_weighs_the_channels_equally_and_grey_does_not():
    green = encoded(painted([0, 255, 0], [255, 0, 0]))
    assert not decode_mask(green, "m", MEAN).any()
    np.testing.assert_array_equal(decode_mask(green, "m", WHITE), region())
    two = encoded(painted([255, 0, 128], [255, 0, 127]))
    np.testing.assert_array_equal(decode_mask(two, "m", MEAN), region())


def test_transparent_pixels_are_the_edited_ones():
    alpha = np.where(region(), 0, 255).astype(np.uint8)
    for colours in (painted([255] * 3, [255] * 3), painted([0] * 3, [90, 20, 7])):
        data = encoded(np.dstack([colours, alpha]))
        np.testing.assert_array_equal(decode_mask(data, "m", TRANSPARENT), region())
    partly = np.where(region(), 254, 255).astype(np.uint8)
    np.testing.assert_array_equal(decode_mask(encoded(np.dstack([alpha, partly])), "m", TRANSPARENT), region())


def test_the_transparent_colour_of_a_palette_counts_as_alpha():
    image = PillowImage.fromarray(region().astype(np.uint8)).convert("P")
    np.testing.assert_array_equal(decode_mask(encoded(image, transparency=1), "m", TRANSPARENT), region())
    grey = PillowImage.fromarray(np.where(region(), 9, 200).astype(np.uint8))
    np.testing.assert_array_equal(decode_mask(encoded(grey, transparency=9), "m", TRANSPARENT), region())


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_the_alpha_rule_on_a_file_without_alpha_is_refused(mode):
    data = encoded(PillowImage.fromarray(painted([255] * 3, [0] * 3)).convert(mode))
    with pytest.raises(SampleError, match=f"alpha channel, but the file has none .mode {mode}.") as caught:
        decode_mask(data, "m.png", TRANSPARENT)
    assert caught.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("rule", [WHITE, NONZERO, MEAN])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "1", "P", "CMYK"])
def test_black_and_white_masks_are_read_in_any_mode(rule, mode):
    image = PillowImage.fromarray(painted([255] * 3, [0] * 3)).convert(mode)
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    np.testing.assert_array_equal(decode_mask(data, "m", rule), region())


@pytest.mark.parametrize("rule", [WHITE, NONZERO, MEAN])
def test_16_bit_masks_are_read_on_the_8_bit_scale(rule):
    deep = np.where(region(), 65535, 0).astype(np.uint16)
    np.testing.assert_array_equal(decode_mask(encoded(deep), "m", rule), region())
    faint = np.where(region(), 1, 0).astype(np.uint16)
    assert decode_mask(encoded(faint), "m", rule).any() == (rule is NONZERO)


@pytest.mark.parametrize("channel", ["grey", "any", "mean"])
def test_an_inverted_rule_is_the_complement(channel):
    data = encoded(np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8))
    plain = decode_mask(data, "m", MaskRule(channel, 100))
    np.testing.assert_array_equal(decode_mask(data, "m", MaskRule(channel, 100, inverted=True)), ~plain)
    assert plain.any()
    assert not plain.all()


def test_alpha_of_the_other_rules_is_ignored():
    data = encoded(np.dstack([painted([255] * 3, [0] * 3), np.zeros(SHAPE, np.uint8)]))
    np.testing.assert_array_equal(decode_mask(data, "m", WHITE), region())


def test_rules_are_written_out_in_words():
    rules = [str(rule) for rule in (WHITE, NONZERO, MEAN, TRANSPARENT)]
    assert rules == ["grey > 127", "any > 0", "mean > 127.5", "alpha <= 254"]


def test_masks_are_bool_and_cannot_be_written():
    mask = decode_mask(encoded(painted([255] * 3, [0] * 3)), "m", WHITE)
    assert mask.dtype == bool
    assert not mask.flags.writeable


def test_a_broken_mask_is_refused_by_name():
    for data in (b"", b"text", encoded(painted([9] * 3, [0] * 3))[:60]):
        with pytest.raises(SampleError, match=r"^mask\.png: ") as caught:
            decode_mask(data, "mask.png", WHITE)
        assert caught.value.reason is Reason.UNREADABLE


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rule", [WHITE, NONZERO, MEAN, TRANSPARENT])
def test_flipped_bytes_never_raise_anything_but_sample_errors(rule):
    generator = np.random.default_rng(0)
    files = [
        encoded(np.dstack([painted([200] * 3, [0] * 3), np.full(SHAPE, 255, np.uint8)])),
        encoded(np.where(region(), 60000, 3).astype(np.uint16)),
        encoded(painted([200] * 3, [0] * 3), "TIFF"),
    ]
    decoded = refused = 0
    for i in range(150):
        broken = bytearray(files[i % 3])
        broken[generator.integers(8, 64)] = generator.integers(0, 256)
        if i % 3 == 0:
            broken[8:33] = files[0][8:33]
            broken[generator.integers(33, len(broken))] ^= 0x41
        try:
            decoded += decode_mask(bytes(broken), "m", rule).dtype == bool
        except SampleError:
            refused += 1
    assert decoded + refused == 150
    assert refused


def test_a_mask_of_the_right_size_is_left_alone():
    mask = region()
    fitted, notes = fit_mask(mask, (*SHAPE, 3), "m")
    assert fitted is mask
    assert notes == ()


def test_another_size_of_the_same_aspect_is_resized_by_nearest_neighbour():
    fitted, notes = fit_mask(region(), (12, 18), "m")
    np.testing.assert_array_equal(fitted, region().repeat(2, axis=0).repeat(2, axis=1))
    assert notes == ("mask resized from 9 x 6 by nearest neighbour",)
    assert not fitted.flags.writeable
    smaller, _ = fit_mask(fitted, SHAPE, "m")
    np.testing.assert_array_equal(smaller, region())


def test_a_turned_mask_is_refused():
    with pytest.raises(SampleError, match="mask is 6 x 9, image is 9 x 6: turned by 90 degrees") as caught:
        fit_mask(region().T, SHAPE, "m")
    assert caught.value.reason is Reason.SIZE_MISMATCH


def test_another_aspect_is_refused():
    with pytest.raises(SampleError, match="aspect ratios differ by more than 2 %") as caught:
        fit_mask(region(), (6, 8), "m")
    assert caught.value.reason is Reason.SIZE_MISMATCH
    assert fit_mask(np.zeros((100, 200), bool), (100, 203), "m")[0].shape == (100, 203)
