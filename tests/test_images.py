"""Decoding of every kind of odd, broken and hostile image."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from imlbench.errors import Reason, SampleError
from imlbench.images import MAX_PIXELS, decode_image, encode_png, resize_image, same_aspect

UPRIGHT = np.zeros((24, 40, 3), dtype=np.uint8)
UPRIGHT[:12, :20] = (250, 20, 20)
UPRIGHT[:12, 20:] = (20, 250, 20)
UPRIGHT[12:, :20] = (20, 20, 250)
"""Four quarters: red, green / blue, black. No turn or flip leaves it as it is."""

UNDO = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: np.transpose(pixels, (1, 0, 2)),
    6: lambda pixels: np.rot90(pixels, 1),
    7: lambda pixels: np.rot90(np.transpose(pixels, (1, 0, 2)), 2),
    8: lambda pixels: np.rot90(pixels, -1),
}
"""How the upright image must be stored for each EXIF orientation to turn it upright again."""


def encoded(image, form, **options):
    if isinstance(image, np.ndarray):
        image = PillowImage.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour_type, raw=b"", extra=b""):
    """A PNG written by hand, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def scanlines(values):
    """Unfiltered PNG rows of an array of big-endian values."""
    return b"".join(b"\0" + row.tobytes() for row in values)


def outcome(data):
    """The reason of the refusal, or "decoded"."""
    try:
        # A lower limit keeps huge but allowed sizes from costing seconds.
        pixels = decode_image(data, "x", max_pixels=1 << 20).pixels
    except SampleError as error:
        return error.reason
    assert (pixels.ndim, pixels.dtype, pixels.flags.writeable) == (3, np.uint8, False)
    return "decoded"


def refused(data, reason, words):
    with pytest.raises(SampleError, match=words) as caught:
        decode_image(data, "photo.png")
    assert caught.value.reason is reason
    assert caught.value.message.startswith("photo.png: ")
    assert "\n" not in caught.value.message


def test_a_plain_image_is_decoded_without_notes():
    decoded = decode_image(encoded(UPRIGHT, "PNG"), "x")
    np.testing.assert_array_equal(decoded.pixels, UPRIGHT)
    assert decoded.notes == ()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_formats_keep_every_pixel(form):
    np.testing.assert_array_equal(decode_image(encoded(UPRIGHT, form), "x").pixels, UPRIGHT)


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_keep_the_picture(form):
    decoded = decode_image(encoded(UPRIGHT, form, quality=95), "x").pixels
    assert decoded.shape == UPRIGHT.shape
    assert np.abs(decoded[2:10, 2:18].astype(int) - UPRIGHT[2:10, 2:18]).max() < 12


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "1", "P", "I;16"])
def test_pixels_are_rgb_and_cannot_be_written(mode):
    source = PillowImage.fromarray(UPRIGHT)
    image = PillowImage.new("I;16", source.size, 700) if mode == "I;16" else source.convert(mode)
    pixels = decode_image(encoded(image, "PNG"), "x").pixels
    assert (pixels.shape, pixels.dtype) == (UPRIGHT.shape, np.uint8)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0, 0] = 1


def test_an_empty_file_is_refused():
    refused(b"", Reason.UNREADABLE, "the file is empty")


@pytest.mark.parametrize("data", [b"this is not an image\n", b"\0" * 500, b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF89a"])
def test_what_is_no_image_is_refused(data):
    refused(data, Reason.UNREADABLE, "JPEG, PNG, WebP, TIFF, BMP, GIF or PPM expected|photo.png: ")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files_are_refused(form, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(noise, form)
    refused(data[: int(len(data) * share)], Reason.UNREADABLE, "photo.png: .")


def test_formats_off_the_list_are_refused():
    for form in ("EPS", "ICO", "PCX", "TGA", "JPEG2000"):
        refused(encoded(UPRIGHT, form), Reason.UNREADABLE, "not an image")


def test_cmyk_is_converted_with_a_note():
    colours = np.full((16, 16, 3), (200, 40, 90), dtype=np.uint8)
    decoded = decode_image(encoded(PillowImage.fromarray(colours).convert("CMYK"), "JPEG", quality=98), "x")
    assert decoded.notes == ("CMYK converted to RGB",)
    assert np.abs(decoded.pixels.astype(int) - colours).max() <= 6


def test_16_bit_grey_is_cut_to_its_upper_8_bits():
    deep = (np.arange(24, dtype=np.uint16).reshape(4, 6) * 2730) | 0xFF
    for form in ("PNG", "TIFF"):
        decoded = decode_image(encoded(deep, form), "x")
        assert decoded.notes == ("16-bit grey cut to 8 bits",)
        for channel in range(3):
            np.testing.assert_array_equal(decoded.pixels[:, :, channel], deep >> 8)


def test_16_bit_colour_is_cut_to_its_upper_8_bits():
    deep = (np.arange(18).reshape(2, 3, 3) * 3800 + 200).astype(">u2")
    decoded = decode_image(png(3, 2, 16, 2, scanlines(deep)), "x")
    np.testing.assert_array_equal(decoded.pixels, deep >> 8)


def test_palettes_are_resolved():
    image = PillowImage.new("P", (4, 2))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((3, 1), 1)
    plain = decode_image(encoded(image, "PNG"), "x")
    assert plain.notes == ()
    assert plain.pixels[0, 0].tolist() == [10, 20, 30]
    assert plain.pixels[1, 3].tolist() == [200, 100, 50]
    transparent = decode_image(encoded(image, "PNG", transparency=0), "x")
    np.testing.assert_array_equal(transparent.pixels, plain.pixels)
    assert transparent.notes == ("alpha channel dropped",)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_dropped_not_blended(mode):
    opaque = PillowImage.fromarray(UPRIGHT).convert("RGB" if mode == "RGBA" else "L")
    image = opaque.convert(mode)
    image.putalpha(PillowImage.new("L", image.size, 3))
    decoded = decode_image(encoded(image, "PNG"), "x")
    np.testing.assert_array_equal(decoded.pixels, np.asarray(opaque.convert("RGB")))
    assert decoded.notes == ("alpha channel dropped",)


def test_grey_and_black_and_white_fill_three_channels():
    grey = UPRIGHT[:, :, 0]
    np.testing.assert_array_equal(decode_image(encoded(grey, "PNG"), "x").pixels, np.dstack([grey] * 3))
    bits = grey > 100
    np.testing.assert_array_equal(decode_image(encoded(bits, "PNG"), "x").pixels, np.dstack([bits] * 3) * 255)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientations_come_out_upright(form, orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(UNDO[orientation](UPRIGHT))
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    decoded = decode_image(encoded(stored, form, exif=exif, **options), "x")
    assert decoded.pixels.shape == UPRIGHT.shape
    assert np.abs(decoded.pixels.astype(int) - UPRIGHT).max() <= (8 if form == "JPEG" else 0)
    if form != "TIFF":
        assert decoded.notes == (() if orientation == 1 else (f"EXIF orientation {orientation} applied",))


@pytest.mark.parametrize("orientation", [0, 9, 6543])
def test_an_unknown_orientation_is_ignored(orientation):
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    decoded = decode_image(encoded(UPRIGHT, "PNG", exif=exif), "x")
    np.testing.assert_array_equal(decoded.pixels, UPRIGHT)
    assert decoded.notes == ()


def test_one_pixel_is_an_image():
    for form in ("PNG", "JPEG", "GIF", "BMP"):
        assert decode_image(encoded(np.full((1, 1, 3), 255, np.uint8), form), "x").pixels.tolist() == [[[255] * 3]]


def test_pixels_without_an_8_bit_meaning_are_refused():
    refused(encoded(np.ones((3, 3), np.float32), "TIFF"), Reason.UNREADABLE, "pixel type F has no 8-bit meaning")
    refused(encoded(np.full((3, 3), 70000, np.int32), "TIFF"), Reason.UNREADABLE, "pixel type I has no 8-bit meaning")
    refused(encoded(np.full((3, 3), -1, np.int32), "TIFF"), Reason.UNREADABLE, "pixel type I has no 8-bit meaning")


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_of_several_is_taken(form):
    frames = [PillowImage.new("RGB", (6, 5), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(decode_image(data, "x").pixels, np.full((5, 6, 3), (255, 0, 0)))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (12000, 12000), (8193, 8192), (1 << 30, 1 << 30)])
def test_a_decompression_bomb_is_refused_by_its_header(width, height):
    data = png(width, height, 8, 2, bytes(1000))
    tracemalloc.start()
    refused(data, Reason.TOO_LARGE, str(width * height) + f"|{width} x {height}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_the_limit_is_on_pixels_and_can_be_lowered():
    data = encoded(UPRIGHT, "PNG")
    assert UPRIGHT[:, :, 0].size == 960
    assert decode_image(data, "x", max_pixels=960).pixels.shape == UPRIGHT.shape
    with pytest.raises(SampleError, match="40 x 24 is above the limit of 959 pixels") as caught:
        decode_image(data, "x", max_pixels=959)
    assert caught.value.reason is Reason.TOO_LARGE
    assert MAX_PIXELS == 8192 * 8192


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(20_000_000))),
        chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(20_000_000))),
        chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(20_000_000))),
        b"".join(chunk(b"zTXt", b"k%d\0\0" % i + zlib.compress(bytes(1_000_000))) for i in range(80)),
    ],
    ids=["text", "international text", "profile", "many texts"],
)
def test_a_bomb_in_a_text_chunk_is_neither_unpacked_nor_raised(text):
    tracemalloc.start()
    assert outcome(png(1, 1, 8, 0, b"\0\7", text)) in ("decoded", Reason.UNREADABLE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 70_000_000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
def test_flipped_bytes_never_raise_anything_but_sample_errors(form):
    generator = np.random.default_rng(len(form))
    noise = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    data = encoded(noise, form, **({"exif": exif} if form in ("JPEG", "PNG", "WEBP", "TIFF") else {}))
    outcomes = set()
    for _ in range(60):
        broken = bytearray(data)
        # Headers hold what can go wrong: half of the flips hit the first 64 bytes.
        for position in generator.integers(0, [len(data), min(64, len(data))], size=(2, 2)).ravel():
            broken[position] = generator.integers(0, 256)
        outcomes.add(outcome(bytes(broken)))
    assert outcomes <= {"decoded", Reason.UNREADABLE, Reason.TOO_LARGE}
    assert outcomes & {Reason.UNREADABLE, Reason.TOO_LARGE}


def test_png_bytes_decode_to_the_same_pixels():
    np.testing.assert_array_equal(decode_image(encode_png(UPRIGHT), "x").pixels, UPRIGHT)
    grey = UPRIGHT[:, :, 1]
    np.testing.assert_array_equal(decode_image(encode_png(grey), "x").pixels, np.dstack([grey] * 3))


def test_shrinking_averages_areas_and_enlarging_interpolates():
    board = np.indices((8, 8)).sum(axis=0) % 2 * np.uint8(200)
    pixels = np.dstack([board] * 3).astype(np.uint8)
    np.testing.assert_array_equal(resize_image(pixels, (4, 4, 3)), np.full((4, 4, 3), 100))
    ramp = np.dstack([np.tile(np.arange(0, 160, 20, dtype=np.uint8), (8, 1))] * 3)
    larger = resize_image(ramp, (16, 16))
    assert larger.shape == (16, 16, 3)
    assert len(np.unique(larger)) > len(np.unique(ramp))
    assert not larger.flags.writeable


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [((100, 200), (50, 100), True), ((100, 200), (100, 203), True), ((100, 200), (100, 205), False)],
)
def test_aspect_ratios_may_differ_by_two_per_cent(first, second, same):
    assert same_aspect(first, second) is same
    assert same_aspect(second, first) is same
    assert not same_aspect((100, 200), (200, 100))
